package org.jresnet.inspect.lab;

import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.Stopped;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.graph.ResidualBlock;
import org.jresnet.train.Classifier;
import org.jresnet.train.Evaluator;
import org.jresnet.train.ModelFiles;

/** What experiments work with: a network, images, and how to measure. Used from one thread. */
final class LabContext {
  /**
   * How a network does on the images.
   *
   * @param accuracy share of images that are right
   * @param loss mean cross-entropy
   */
  record Score(double accuracy, double loss) {}

  private final Classifier classifier;
  private final Images images;
  private final Compute compute;
  private final LabSettings settings;
  private final LabListener listener;
  private final BooleanSupplier stop;
  private final Variants variants;

  /**
   * @param runs folder of what is trained
   */
  LabContext(
      Classifier classifier,
      Images images,
      Compute compute,
      LabSettings settings,
      Path runs,
      LabListener listener,
      BooleanSupplier stop) {
    this.classifier = classifier;
    this.images = images;
    this.compute = compute;
    this.settings = settings;
    this.listener = listener;
    this.stop = stop;
    variants = new Variants(this, runs);
  }

  Classifier classifier() {
    return classifier;
  }

  Compute compute() {
    return compute;
  }

  /** Trained networks of other forms. */
  Variants variants() {
    return variants;
  }

  Graph graph() {
    return classifier.model().graph();
  }

  /** The network's residual blocks. */
  List<ResidualBlock> blocks() {
    List<ResidualBlock> blocks = ResidualBlock.of(graph());
    if (blocks.isEmpty()) {
      throw new UserError(
          Text.format("%s has no residual additions to experiment with", graph().name()));
    }
    return blocks;
  }

  Images images() {
    return images;
  }

  LabSettings settings() {
    return settings;
  }

  /** Images per pass where only some are looked at. */
  int batch(int most) {
    return Math.min(most, Math.min(settings.batch(), images.count()));
  }

  SplittableRandom random(String name, long... numbers) {
    return RandomStreams.of(settings.seed(), "lab-" + name, numbers);
  }

  /** Says what comes next, and ends here if the lab was asked to stop. */
  void step(String what) {
    if (stopped()) {
      throw stop();
    }
    listener.step(what);
  }

  boolean stopped() {
    return stop.getAsBoolean();
  }

  Stopped stop() {
    return new Stopped("the lab was stopped; what was finished is saved");
  }

  void note(String text) {
    listener.note(text);
  }

  /** A network with the weights that the given one has under the same names; yours to close. */
  Model with(Graph graph) {
    Model model = new Model(graph, compute.backend(), compute.precision());
    model.take(classifier.model());
    return model;
  }

  /** A network as training begins; yours to close. */
  Model initial(Graph graph, Model.BlockEnd end) {
    Model model = new Model(graph, compute.backend(), compute.precision());
    model.initialize(settings.seed(), end);
    return model;
  }

  /** The network as it was given. */
  Score score() {
    return score(classifier.model());
  }

  /** A rewritten network with the given one's weights. */
  Score score(Graph graph) {
    try (Model model = with(graph)) {
      return score(model);
    }
  }

  Score score(Model model) {
    int batch = Math.min(settings.batch(), images.count());
    try (Executable executable = Executable.compile(model, inference(batch))) {
      return score(executable);
    }
  }

  /** Measures an executable for inference on all images. */
  Score score(Executable executable) {
    int batch = executable.options().batch();
    int right = 0;
    double loss = 0;
    for (int at = 0; at < images.count(); at += batch) {
      float[] logits = executable.infer(images.batch(at, batch));
      int classes = logits.length / batch;
      for (int i = 0; i < Math.min(batch, images.count() - at); i++) {
        int label = images.labels()[at + i];
        loss -= Evaluator.logSoftmax(logits, i * classes, classes)[label];
        right += Evaluator.best(logits, i * classes, classes) == label ? 1 : 0;
      }
    }
    return new Score((double) right / images.count(), loss / images.count());
  }

  CompileOptions inference(int batch) {
    return ModelFiles.inference(classifier.info(), batch, size());
  }

  CompileOptions training(int batch) {
    return CompileOptions.training(batch, size(), ModelFiles.normalization(classifier.info()));
  }

  private int size() {
    return classifier.preprocess().size();
  }
}
