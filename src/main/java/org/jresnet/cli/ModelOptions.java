package org.jresnet.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Dataset;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.ImageNotes;
import org.jresnet.data.LeftOut;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Sample;
import org.jresnet.data.shards.PixelForm;
import org.jresnet.models.Architecture;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What a model file may not say about itself. */
@Heading("Model")
final class ModelOptions {
  @Option(
      names = "--model",
      paramLabel = "NAME",
      completionCandidates = ModelNames.class,
      description = {"Network of a file that does not name it: " + ModelNames.LISTED})
  private String model;

  @Option(
      names = "--size",
      paramLabel = "PIXELS",
      description = "Side of the input; default: what the model was trained on, or 224.")
  @Within(min = 1, max = Within.SIDE)
  private Integer size;

  @Option(names = "--resize", description = "stretch or crop; default: as trained, or crop.")
  private Preprocess.Mode resize;

  @Mixin private DecodingOptions decoding;

  /** Opens a model file, says what its reader noticed, and applies the options. */
  LoadedModel open(String path, Console console) {
    Optional<String> architecture =
        Optional.ofNullable(model)
            .map(name -> UsageError.unlessValid(() -> Architecture.of(name)).id());
    LoadedModel loaded = ModelFiles.open(ImageFolder.expand(path), architecture);
    loaded.weights().notes().forEach(console::note);
    return loaded.withPreprocess(preprocess(loaded.preprocess()));
  }

  /** Says what is odd about the images of a data folder. */
  static void note(LeftOut leftOut, Dataset dataset, LoadedModel model, Console console) {
    leftOut.note().ifPresent(console::note);
    List<Path> images = dataset.samples().stream().map(Sample::file).toList();
    PixelForm.notes(images, model.preprocess(), Augmentation.NONE).forEach(console::note);
    ImageNotes.read(images, model.preprocess()).forEach(console::note);
  }

  private Preprocess preprocess(Preprocess trained) {
    return new Preprocess(
        size == null ? trained.size() : size,
        resize == null ? trained.mode() : resize,
        decoding.options(),
        trained.scaling());
  }
}
