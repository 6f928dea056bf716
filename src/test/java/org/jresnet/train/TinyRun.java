package org.jresnet.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import org.jresnet.backend.Precision;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Preprocess;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;

/** Runs that take a fraction of a second: a narrow network on small images, constant rate. */
final class TinyRun {
  /** Hears everything, does nothing. */
  static final class Notes implements TrainingListener {
    final List<String> texts = new ArrayList<>();

    @Override
    public void note(String text) {
      texts.add(text);
    }
  }

  private TinyRun() {}

  /** Draws a few faces to train on. */
  static Path faces(Path folder) {
    Path faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(10, 32, 4), done -> {});
    return faces;
  }

  static TrainOptions options(Path data, int epochs) {
    return Training.on(data)
        .split(0.6, 0.4, 0)
        .architecture("resnet18")
        .width(2)
        .preprocess(new Preprocess(16, Preprocess.Mode.STRETCH))
        .augmentation(Augmentation.NONE)
        .badImages(BadImages.STOP)
        .epochs(epochs)
        .batch(4)
        .seed(5)
        .options(BackendKind.CPU, Precision.FP32);
  }

  static Trainer.Outcome start(
      TrainOptions options, Path out, RunFolder.Existing existing, Notes notes) {
    return options.change().run(out, existing, notes);
  }

  /** The folder of a run that has ended after some epochs. */
  static Path finished(Path folder, Path faces, int epochs) {
    Path out = folder.resolve("run-" + epochs);
    start(options(faces, epochs), out, RunFolder.Existing.REFUSE, new Notes());
    return out;
  }

  /** Goes on as {@code train --resume --epochs N} does. */
  static Trainer.Outcome resume(Path out, int epochs, Trainer.Contents contents, Notes notes) {
    try (RunFolder run = RunFolder.open(out, RunFolder.Existing.RESUME, notes::note)) {
      TrainOptions options = run.record().options();
      TrainOptions.NetworkOptions network = options.network();
      try (Compute compute = Compute.open(network.backend(), network.precision())) {
        return options.change().epochs(epochs).trainer(run, compute, notes).run(contents);
      }
    }
  }

  /** Copies files and links, one level deep. */
  static Path copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (var entries = Files.list(from)) {
      for (Path entry : entries.toList()) {
        Files.copy(
            entry,
            to.resolve(entry.getFileName().toString()),
            StandardCopyOption.COPY_ATTRIBUTES,
            LinkOption.NOFOLLOW_LINKS);
      }
    }
    return to;
  }
}
