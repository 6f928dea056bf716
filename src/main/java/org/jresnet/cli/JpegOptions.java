package org.jresnet.cli;

import org.jresnet.base.Named;
import org.jresnet.data.JpegDecoder;
import org.jresnet.data.Preprocess;
import org.jresnet.train.LoadedModel;
import picocli.CommandLine.Option;

/** What decodes JPEG files, in commands that read many. */
@Heading("Images and data")
final class JpegOptions {
  @Option(
      names = "--jpeg-decoder",
      defaultValue = "cpu",
      paramLabel = "NAME",
      description =
          "What decodes JPEG files: cpu (Pillow's bits), or with --backend gpu nvjpeg (the GPU's"
              + " JPEG engines) or nvjpeg-hybrid (CPU and GPU), whose pixels differ a little, and"
              + " from version to version. They take baseline files, grey or YCbCr; the CPU decodes"
              + " the others. Not run on a GPU yet.")
  private String decoder;

  /** The same preprocessing with what was asked for, which is not open yet. */
  Preprocess of(Preprocess preprocess) {
    return preprocess.withJpeg(
        UsageError.unlessValid(
            () -> new JpegDecoder(Named.of(JpegDecoder.Kind.class, "JPEG decoder", decoder).id())));
  }

  /** The same model with what was asked for. */
  LoadedModel of(LoadedModel model) {
    return model.withPreprocess(of(model.preprocess()));
  }
}
