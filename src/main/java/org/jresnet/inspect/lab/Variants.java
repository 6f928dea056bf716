package org.jresnet.inspect.lab;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.base.Text;
import org.jresnet.models.Architecture;
import org.jresnet.train.Classifier;
import org.jresnet.train.EpochResult;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.RunFolder;
import org.jresnet.train.Trainer;
import org.jresnet.train.Training;
import org.jresnet.train.TrainingListener;

/**
 * The lab's network in other forms, each trained once from random values: same data, width, images,
 * batch, seed and number of epochs, Adam at its default rate.
 */
final class Variants {
  /**
   * A form that was trained.
   *
   * @param network its name
   * @param run its folder
   * @param history its epochs
   */
  record Trained(Architecture network, Path run, List<EpochResult> history) {
    long parameters(int classes, int width) {
      return network.graph(classes, width).parameterCount();
    }
  }

  private final LabContext lab;
  private final Path runs;
  private final Map<String, Trained> trained = new LinkedHashMap<>();

  Variants(LabContext lab, Path runs) {
    this.lab = lab;
    this.runs = runs;
  }

  /** Stops the training once the lab is asked to stop. */
  private final class Watching implements TrainingListener {
    private Trainer trainer;

    @Override
    public void note(String text) {
      lab.note(text);
    }

    @Override
    public void batchDone(int batch, double loss, double imagesPerSecond, double waitShare) {
      if (lab.stopped()) {
        trainer.requestStop();
      }
    }

    @Override
    public void epochFinished(EpochResult result, boolean best) {
      lab.note(
          Text.format(
              "epoch %s: training loss %.4f, validation loss %.4f, accuracy %.2f %%",
              result.epoch(), result.trainLoss(), result.valLoss(), 100 * result.valAccuracy()));
    }
  }

  /**
   * The network in a form.
   *
   * @param form what follows the colon of its name; empty for the published network
   * @throws org.jresnet.base.UserError when the network's family has no such form
   */
  Trained of(String form) {
    String published = Architecture.of(lab.graph().name()).published();
    Architecture network = Architecture.of(form.isEmpty() ? published : published + ":" + form);
    Trained known = trained.get(network.id());
    if (known == null) {
      known = train(network, runs.resolve(form.isEmpty() ? "published" : form));
      trained.put(network.id(), known);
    }
    return known;
  }

  private Trained train(Architecture network, Path run) {
    lab.step(Text.format("training %s", network.id()));
    LabSettings settings = lab.settings();
    Classifier classifier = lab.classifier();
    Training training =
        Training.on(settings.data())
            .architecture(network.id())
            .width(classifier.info().width())
            .preprocess(classifier.preprocess())
            .epochs(settings.epochs())
            .batch(settings.batch())
            .loaderThreads(settings.threads())
            .seed(settings.seed());
    Watching watching = new Watching();
    try (RunFolder folder = RunFolder.open(run, RunFolder.Existing.OVERWRITE, lab::note)) {
      watching.trainer = training.trainer(folder, lab.compute(), watching);
      Trainer.Outcome outcome = watching.trainer.run(Trainer.Contents.TRUSTED);
      if (outcome.end() == Trainer.End.INTERRUPTED) {
        throw lab.stop();
      }
      return new Trained(network, run, outcome.history());
    }
  }

  /** The best epoch of a form, ready to use; yours to close. */
  Classifier open(Trained variant) {
    return Classifier.open(
        ModelFiles.open(variant.run(), Optional.empty()), lab.compute(), lab::note);
  }
}
