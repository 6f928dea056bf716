package org.jresnet.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.jresnet.backend.Precision;
import org.jresnet.base.Closing;
import org.jresnet.base.Quantile;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.BadImageException;
import org.jresnet.data.Dataset;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Preprocess;
import org.jresnet.data.RgbImage;
import org.jresnet.data.Sample;
import org.jresnet.distributed.Communicator;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.BackendSettings;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.Replicas;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.weights.ModelInfo;

/**
 * A network with weights, ready to use: it predicts images, is evaluated on folders, shows
 * activations and gradients ({@link #tap}), and is saved. Used from one thread at a time.
 *
 * <pre>{@code
 * try (Classifier classifier = Classifier.open(Path.of("runs/r1"))) {
 *   Prediction p = classifier.predict(Path.of("photo.jpg"));
 *   System.out.println(p.label() + " " + p.probability());
 * }
 * }</pre>
 */
public final class Classifier implements AutoCloseable {
  /** Images per pass of an evaluation; more only cost memory. */
  public static final int EVALUATION_BATCH = 16;

  /** Threads that decode images for an evaluation. */
  public static final int LOADER_THREADS = 2;

  /** Runs of the first image, so that its time is a median, too. */
  private static final int FIRST_RUNS = 3;

  private final Model model;
  private final ModelInfo info;
  private final Preprocess preprocess;
  private final Optional<ModelCalibration> calibration;
  private final List<AutoCloseable> owned = new ArrayList<>();

  /** The last runs, whose median is the inference time. */
  private final double[] millis = new double[15];

  private int runs;
  private Executable single;

  private Classifier(Model model, ModelInfo info, Preprocess preprocess) {
    this.model = model;
    this.info = info;
    this.preprocess = preprocess;
    calibration = ModelCalibration.of(info);
  }

  /**
   * Opens a run folder, a {@code .safetensors} file or sharded safetensors that jresnet wrote, on
   * the GPU if one is usable, else on the CPU. Files of others do not name their network: see
   * {@link ModelFiles#open} and {@link #open(LoadedModel, Compute, Consumer)}.
   *
   * @throws org.jresnet.base.UserError saying what is wrong with the file
   */
  public static Classifier open(Path path) {
    return open(path, BackendKind.AUTO, Optional.empty());
  }

  /**
   * Opens it on that backend, in that precision.
   *
   * @throws org.jresnet.base.UserError saying what is wrong with the file, or missing here
   */
  public static Classifier open(Path path, BackendKind backend, Precision precision) {
    return open(path, backend, Optional.of(precision));
  }

  private static Classifier open(Path path, BackendKind backend, Optional<Precision> precision) {
    LoadedModel loaded = ModelFiles.open(path, Optional.empty());
    Compute compute = Compute.open(backend, precision, BackendSettings.defaults());
    try {
      Classifier classifier = open(loaded, compute, note -> {});
      classifier.owned.add(0, compute);
      return classifier;
    } catch (RuntimeException e) {
      compute.close();
      throw e;
    }
  }

  /**
   * A loaded model on a backend that stays yours and must be closed last.
   *
   * @param notes is told what was tolerated in the weights
   * @throws org.jresnet.base.UserError when weights are missing, do not fit, or are not finite
   */
  public static Classifier open(LoadedModel loaded, Compute compute, Consumer<String> notes) {
    return open(loaded, compute, compute.precision(), notes);
  }

  /** The same in another precision than the backend was opened for. */
  public static Classifier open(
      LoadedModel loaded, Compute compute, Precision precision, Consumer<String> notes) {
    Preprocess preprocess = JpegDecoders.open(loaded.preprocess(), compute.backend());
    Model model = new Model(loaded.graph(), compute.backend(), precision);
    try {
      ModelFiles.load(model, loaded.weights(), loaded.source()).forEach(notes);
    } catch (RuntimeException e) {
      model.close();
      throw e;
    }
    Classifier classifier = new Classifier(model, loaded.info(), preprocess);
    classifier.owned.add(model);
    return classifier;
  }

  /**
   * A model of yours, such as one that you trained in a loop of your own; it stays yours. Call
   * {@link #parametersChanged} after you changed it.
   */
  public static Classifier of(Model model, ModelInfo info) {
    return new Classifier(model, info, ModelFiles.preprocess(info));
  }

  /** Architecture, classes and input. */
  public ModelInfo info() {
    return info;
  }

  /** Class names in the order of the logits. */
  public List<String> classes() {
    return info.classes();
  }

  /** The network with its parameters; {@code model().graph().nodes()} lists what can be tapped. */
  public Model model() {
    return model;
  }

  /** What validation says of the probabilities; empty where the model file does not say. */
  public Optional<ModelCalibration> calibration() {
    return calibration;
  }

  /** How images become input. */
  public Preprocess preprocess() {
    return preprocess;
  }

  /**
   * Classifies an image file.
   *
   * @throws BadImageException when it cannot be decoded
   */
  public Prediction predict(Path file) throws BadImageException {
    long start = System.nanoTime();
    RgbImage image = ImageDecoder.decode(file, preprocess.decoding());
    return predict(image, start);
  }

  /** Classifies an image of any size. */
  public Prediction predict(RgbImage image) {
    return predict(image, System.nanoTime());
  }

  private Prediction predict(RgbImage image, long start) {
    byte[] pixels = preprocess.apply(image).rgb();
    double preprocessing = (System.nanoTime() - start) / 1e6;
    if (single == null) {
      single = compile(1);
      owned.add(single);
      Logits.of(single, pixels);
    }
    while (runs < FIRST_RUNS - 1) {
      timed(pixels);
    }
    return prediction(timed(pixels), preprocessing, median());
  }

  /** What logits say. */
  Prediction prediction(float[] logits, double preprocessMillis, double inferenceMillis) {
    double[] own = new double[logits.length];
    for (int k = 0; k < own.length; k++) {
      own[k] = logits[k];
    }
    double[] probabilities =
        calibration
            .map(c -> c.temperature().probabilities(own))
            .orElseGet(() -> Evaluator.softmax(logits, 0, logits.length));
    return new Prediction(
        classes(), own, probabilities, calibration, preprocessMillis, inferenceMillis);
  }

  private float[] timed(byte[] pixels) {
    long start = System.nanoTime();
    float[] logits = Logits.of(single, pixels);
    millis[runs++ % millis.length] = (System.nanoTime() - start) / 1e6;
    return logits;
  }

  private double median() {
    return Quantile.of(Arrays.copyOf(millis, Math.min(runs, millis.length)), 0.5);
  }

  /**
   * Compiles the network to predict several images at once; yours to close, before this.
   *
   * @param largest most images of a pass
   */
  public BatchPredictor batches(int largest) {
    return new BatchPredictor(this, BatchPredictor.sizes(largest));
  }

  /**
   * The same with passes of one size, the last of which is filled up: a prediction is then the same
   * to the bit however images are divided between processes. Yours to close, before this.
   *
   * @param size images of every pass
   */
  public BatchPredictor equalBatches(int size) {
    return new BatchPredictor(this, List.of(size));
  }

  /** Compiles the network for batches of images; yours to close. */
  public Executable compile(int batch) {
    return Executable.compile(model, ModelFiles.inference(info, batch, preprocess.size()));
  }

  /**
   * Evaluates on a folder with one folder of images per class. Images that cannot be decoded are
   * left out and listed in the result; scores speak for the class that {@link Dataset#positive}
   * finds.
   *
   * @throws org.jresnet.base.UserError when a folder is no class of the model, or nothing can be
   *     decoded
   */
  public Evaluation evaluate(Path folder) {
    Dataset dataset = ModelFiles.dataset(info, folder, note -> {});
    return evaluate(
        dataset.samples(),
        new Evaluator.Labels(dataset.classes(), ""),
        EVALUATION_BATCH,
        new Evaluator.LoaderOptions(preprocess, LOADER_THREADS, BadImages.SKIP),
        done -> {});
  }

  /**
   * Evaluates on labelled images, with other ranks where {@link Evaluator.LoaderOptions#ranks} says
   * so.
   *
   * @param labels class names, and the one that scores speak for
   * @param batch images per pass
   */
  public Evaluation evaluate(
      List<Sample> samples,
      Evaluator.Labels labels,
      int batch,
      Evaluator.LoaderOptions loading,
      Evaluator.Progress progress) {
    Communicator ranks = loading.ranks();
    Shares.requireAlike(model, samples, ranks);
    int largest = Math.min(batch, Shares.largest(samples.size(), ranks));
    try (Executable executable =
        Replicas.leadFirst(ranks, model.backend(), () -> compile(largest))) {
      Evaluation e = Evaluator.evaluate(executable, labels, samples, loading, progress);
      return new Evaluation(e.classes(), e.positive(), e.scored(), e.badImages(), calibration);
    }
  }

  /**
   * Evaluates on the sealed test set of this model's run, and records that it was opened. Of this
   * figure the first one counts.
   *
   * @throws org.jresnet.base.UserError when nothing can be decoded
   */
  public Evaluation evaluate(SealedTest test) {
    Evaluation result =
        evaluate(
                test.samples(),
                new Evaluator.Labels(test.classes(), test.run().options().positive()),
                EVALUATION_BATCH,
                new Evaluator.LoaderOptions(preprocess, LOADER_THREADS, BadImages.SKIP),
                done -> {})
            .withGroups(test.grouping());
    test.record(
        result,
        new EvaluationFile.Origin(
            "test",
            "test",
            "Classifier.evaluate(SealedTest)",
            test.data().toString(),
            test.run().options().split().dividedBy(),
            EvaluationFile.Environment.of(this)));
    return result;
  }

  /**
   * Compiles the network so that you can read the outputs of nodes and the gradients by them; yours
   * to close, before this. {@code input} is the normalised image.
   *
   * @param nodes names of nodes, which {@code jresnet summary} lists
   * @throws IllegalArgumentException naming a node that the network does not have
   */
  public Taps tap(String... nodes) {
    return new Taps(model, info, preprocess, Set.of(nodes));
  }

  /**
   * What each place of an image contributes to the logit of a class: Grad-CAM at the last stage.
   * Compiles the network anew; for many images, or for another node, use {@link #tap} and {@link
   * Taps#gradCam}.
   *
   * @param label a class of the model
   */
  public HeatMap gradCam(RgbImage image, String label) {
    String stage = lastStage();
    try (Taps taps = tap(stage)) {
      taps.logit(image, label);
      return taps.gradCam(stage);
    }
  }

  /**
   * The node with the last output that still has places: what the last global average pool takes.
   *
   * @throws org.jresnet.base.UserError when the network has no such pool
   */
  public String lastStage() {
    List<Node> nodes = model.graph().nodes();
    for (int i = nodes.size() - 1; i >= 0; i--) {
      if (nodes.get(i).op() instanceof Op.GlobalAvgPool) {
        return nodes.get(nodes.get(i).inputs().get(0)).name();
      }
    }
    throw new UserError(
        Text.format(
            "%s has no global average pool, so that nothing says which is its last stage; name a "
                + "node, such as with --layer",
            model.graph().name()));
  }

  /** Says that you changed parameters or running statistics of the model. */
  public void parametersChanged() {
    if (single != null) {
      single.parametersChanged();
    }
  }

  /**
   * Writes weights, class names and input to a {@code .safetensors} file, or the weights alone to a
   * {@code .pth} file for PyTorch; the extension decides.
   */
  public void save(Path file) {
    ModelFiles.save(model, info, file);
  }

  @Override
  public void close() {
    Closing.closeAll(owned);
    owned.clear();
  }
}
