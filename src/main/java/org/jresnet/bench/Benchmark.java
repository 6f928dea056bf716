package org.jresnet.bench;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.LongToDoubleFunction;
import org.jresnet.backend.Backend;
import org.jresnet.backend.LossScale;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Precision;
import org.jresnet.backend.UpdateRule;
import org.jresnet.base.Quantile;
import org.jresnet.base.UserError;
import org.jresnet.engine.Backends;
import org.jresnet.engine.Calibration;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Shape;
import org.jresnet.models.Architecture;

/**
 * Times whole runs: training steps (input normalisation, forward, loss, backward, gradient norm,
 * Adam) or inference on batches that are in memory.
 */
public final class Benchmark {
  /** What runs. */
  public enum Work {
    /** Whole training steps with Adam. */
    TRAIN,
    /** Forward with folded batch norms. */
    INFER;

    /** As users write it. */
    public String id() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * What to time.
   *
   * @param network the network
   * @param classes number of classes
   * @param work what runs
   * @param batch images per step
   * @param size side of the images in pixels
   * @param precision type of the activations
   * @param checkpointBlocks see {@link CompileOptions#checkpointBlocks}; training alone
   */
  public record Configuration(
      Architecture network,
      int classes,
      Work work,
      int batch,
      int size,
      Precision precision,
      int checkpointBlocks) {
    /**
     * Checks that the images of a batch fit into one array.
     *
     * @throws UserError saying how many would
     */
    public Configuration {
      long most = size < 1 ? Integer.MAX_VALUE : Integer.MAX_VALUE / (3L * size * size);
      if (batch > most) {
        throw new UserError(
            "a batch of "
                + batch
                + " images of "
                + size
                + "x"
                + size
                + " has more than 2 GB of pixels; at most "
                + most
                + " fit");
      }
    }

    /** Such as {@code resnet50-train-bf16-b32-224}. */
    public String name() {
      String name =
          String.join(
              "-", network.id(), work.id(), precision.id(), "b" + batch, String.valueOf(size));
      return checkpointBlocks == 0 ? name : name + "-c" + checkpointBlocks;
    }
  }

  /**
   * Measured times.
   *
   * @param configuration what was timed
   * @param createSeconds making the model, choosing implementations, allocating, first run
   * @param plannedBytes of activations, their gradients and scratch memory
   * @param seconds each timed step, in order
   */
  public record Result(
      Configuration configuration, double createSeconds, long plannedBytes, double[] seconds) {
    /** Value below which a share of the steps lie. */
    public double quantile(double share) {
      return Quantile.of(seconds, share);
    }

    /** Median of the steps. */
    public double median() {
      return quantile(0.5);
    }

    /** Distance of the quartiles as a share of the median. */
    public double spread() {
      return (quantile(0.75) - quantile(0.25)) / median();
    }

    /** Images per second at the median. */
    public double imagesPerSecond() {
      return configuration.batch / median();
    }
  }

  private static final long SEED = 7;
  private static final int CHECK_BATCH = 2;
  private static final int CHECK_SIZE = 64;
  private static final int CHECK_CLASSES = 10;

  /** Of training steps of networks with less work than {@link #MOBILE_MACS}. */
  private static final int[] MOBILE_LABELS = {3, 8, 1, 0, 9, 4, 7, 2};

  private static final int MOBILE_SIZE = 128;

  /** Multiply-accumulates of an image at {@link #CHECK_SIZE}; ResNet-18 has 150 million. */
  private static final long MOBILE_MACS = 60_000_000;

  /** Learning rate of every step. */
  static final LongToDoubleFunction RATE = step -> 1e-3;

  private Benchmark() {}

  /**
   * Compares logits (and for training the loss and the gradient norm) with the reference backend's,
   * for two small images through the whole network. Training steps of mobile networks take eight
   * larger ones: with two, their last norms divide by the deviation of eight values, and
   * ShuffleNetV2 in fp32 is 4e-3 off, MobileNetV2 1e-3; with the larger ones both are 2e-4 off.
   *
   * @return length of the difference relative to the reference's values
   * @throws UserError if they differ by more than the precision explains
   */
  public static double check(Backend backend, Configuration c) {
    double allowed = allowed(c);
    double[] expected;
    try (Backend reference = Backends.open("reference")) {
      expected = values(reference, c, Precision.FP64);
    }
    double[] actual = values(backend, c, c.precision);
    double error = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      error += (actual[i] - expected[i]) * (actual[i] - expected[i]);
      norm += expected[i] * expected[i];
    }
    double relative = Math.sqrt(error / norm);
    if (!(relative <= allowed)) {
      throw new UserError(
          String.format(
              Locale.ROOT,
              "%s on %s computes wrong values: they differ from the reference by %.2e, allowed"
                  + " %.0e; not timed",
              c.name(),
              backend.name(),
              relative,
              allowed));
    }
    return relative;
  }

  /**
   * Logits carry some roundings of the activations' type. A training step also divides by the
   * deviation of few values (small images, two of them), which magnifies the roundings before: with
   * exact sums and nothing but the roundings of the type, ResNet-50 is 0.026 off in TF32, 0.035 in
   * FP16 and 0.097 in BF16. RegNet-Y magnifies them most: moving the parameters of its 400MF by
   * 6e-7 of their size changes the gradient norm by 5e-4 in double precision, and F32 is 0.9e-3 to
   * 1.1e-3 off, depending on the number of threads; so 3e-3 are allowed for mobile networks.
   */
  private static double allowed(Configuration c) {
    boolean training = c.work == Work.TRAIN;
    return switch (c.precision) {
      case FP64 -> 1e-12;
      case FP32 -> training ? (mobile(c) ? 3e-3 : 1e-3) : 1e-5;
      case TF32, FP16 -> training ? 0.07 : 0.005;
      case BF16 -> training ? 0.2 : 0.03;
      case INT8 -> 0.2;
    };
  }

  private static boolean mobile(Configuration c) {
    return macs(c.network) < MOBILE_MACS;
  }

  private static double[] values(Backend backend, Configuration c, Precision precision) {
    try (Model model = model(backend, c.network, CHECK_CLASSES, precision)) {
      byte[] pixels = pixels(CHECK_BATCH, CHECK_SIZE);
      if (c.work == Work.INFER) {
        try (Executable e =
            Executable.compile(
                model,
                inference(backend, c.network, CHECK_CLASSES, precision, CHECK_BATCH, CHECK_SIZE))) {
          return doubles(e.infer(pixels));
        }
      }
      boolean mobile = mobile(c);
      int[] labels = mobile ? MOBILE_LABELS : new int[] {3, 8};
      int size = mobile ? MOBILE_SIZE : CHECK_SIZE;
      try (Executable e =
              Executable.compile(
                  model, CompileOptions.training(labels.length, size, normalization(c.network)));
          OptimizerState optimizer = optimizer(model)) {
        double loss = e.step(pixels(labels.length, size), labels);
        return new double[] {loss, optimizer.gradientNorm()};
      }
    }
  }

  private static double[] doubles(float[] values) {
    double[] out = new double[values.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = values[i];
    }
    return out;
  }

  /** Times a configuration: warm-up, then steps until both bounds are reached. */
  public static Result run(Backend backend, Configuration c, int leastSteps, double leastSeconds) {
    long start = System.nanoTime();
    try (Session session = new Session(backend, c)) {
      session.step();
      double create = (System.nanoTime() - start) / 1e9;
      session.step();
      double[] seconds = new double[leastSteps];
      int count = 0;
      double total = 0;
      while (count < leastSteps || total < leastSeconds) {
        if (count == seconds.length) {
          seconds = Arrays.copyOf(seconds, 2 * count);
        }
        long begin = System.nanoTime();
        session.step();
        seconds[count] = (System.nanoTime() - begin) / 1e9;
        total += seconds[count++];
      }
      // On a GPU each step waits for the one before: as many are timed as are waited for.
      return new Result(c, create, session.executable.memoryBytes(), Arrays.copyOf(seconds, count));
    }
  }

  /** Times every call of a configuration's steps. */
  public static Profile profile(Backend backend, Configuration c, int steps) {
    try (Session session = new Session(backend, c)) {
      return Profile.measure(
          session.executable, session.optimizer, session.pixels, session.labels, steps);
    }
  }

  /** A compiled configuration with random pixels. */
  private static final class Session implements AutoCloseable {
    final Model model;
    final Executable executable;
    final Optional<OptimizerState> optimizer;
    final byte[] pixels;
    final int[] labels;

    Session(Backend backend, Configuration c) {
      pixels = pixels(c.batch, c.size);
      labels = c.work == Work.TRAIN ? labels(c) : new int[0];
      model = model(backend, c.network, c.classes, c.precision);
      try {
        executable =
            Executable.compile(
                model,
                c.work == Work.TRAIN
                    ? training(c)
                    : inference(backend, c.network, c.classes, c.precision, c.batch, c.size));
        optimizer = c.work == Work.TRAIN ? Optional.of(optimizer(model)) : Optional.empty();
        optimizer.ifPresent(o -> o.decideBy(0, new LossScale(c.precision, LossScale.State.START)));
      } catch (RuntimeException e) {
        model.close();
        throw e;
      }
    }

    /** As a training or an evaluation runs: the next batch comes in while this one is computed. */
    void step() {
      if (optimizer.isEmpty()) {
        executable.start(pixels);
        executable.prefetch(pixels);
        executable.logits();
        return;
      }
      long run = executable.start(pixels, labels);
      long update = optimizer.get().update(RATE, 1);
      if (update > 0) {
        optimizer.get().report(update - 1);
        executable.loss(run - 1);
      }
      executable.prefetch(pixels);
    }

    @Override
    public void close() {
      optimizer.ifPresent(OptimizerState::close);
      executable.close();
      model.close();
    }
  }

  static CompileOptions training(Configuration c) {
    return CompileOptions.training(c.batch, c.size, normalization(c.network))
        .withCheckpointBlocks(c.checkpointBlocks);
  }

  static int[] labels(Configuration c) {
    int[] labels = new int[c.batch];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = i % c.classes;
    }
    return labels;
  }

  static OptimizerState optimizer(Model model) {
    return new OptimizerState(model, new UpdateRule.Adam(0.9, 0.999, 1e-8, 0), Set.of());
  }

  private static Normalization normalization(Architecture network) {
    return new Normalization(network.preprocessing().mean(), network.preprocessing().std());
  }

  static Model model(Backend backend, Architecture network, int classes, Precision precision) {
    Model model = new Model(network.graph(classes), backend, precision);
    model.initialize(SEED, Model.BlockEnd.ONE);
    return model;
  }

  private static CompileOptions inference(
      Backend backend,
      Architecture network,
      int classes,
      Precision precision,
      int batch,
      int size) {
    CompileOptions options = CompileOptions.inference(batch, size, normalization(network));
    if (precision != Precision.INT8) {
      return options;
    }
    try (Model exact = model(backend, network, classes, Precision.FP32);
        Calibration calibration =
            new Calibration(exact, CHECK_BATCH, size, normalization(network))) {
      calibration.add(pixels(CHECK_BATCH, size), CHECK_BATCH);
      return options.withRanges(calibration.ranges());
    }
  }

  private static long macs(Architecture network) {
    Graph graph = network.graph(CHECK_CLASSES);
    List<Shape> shapes = graph.shapes(1, CHECK_SIZE, CHECK_SIZE);
    return graph.nodes().stream().mapToLong(n -> n.op().macs(shapes.get(n.index()))).sum();
  }

  static byte[] pixels(int batch, int size) {
    byte[] pixels = new byte[batch * size * size * 3];
    new Random(SEED).nextBytes(pixels);
    return pixels;
  }
}
