package org.jresnet.train;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.jresnet.backend.Tensor;
import org.jresnet.base.Png;
import org.jresnet.base.Text;
import org.jresnet.data.Batch;
import org.jresnet.data.RgbImage;
import org.jresnet.engine.Callback;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Parameter;
import org.jresnet.train.events.EventFile;
import org.jresnet.train.events.Summary;

/**
 * Reads some steps of a training: norm of the gradient, how much the update changes the parameters,
 * dead ReLUs. It changes nothing, and allocates nothing at a step that it does not read.
 */
final class Telemetry implements AutoCloseable {
  private static final int IMAGES = 4;

  private final TelemetryOptions options;
  private final Model model;
  private final OptimizerState optimizer;
  private final List<Parameter> trained;
  private final DeadRelus relus;
  private final Consumer<String> notes;
  private final ByteBuffer staging = Tensor.staging();
  private final Map<String, Double> last = new LinkedHashMap<>();
  private final Map<String, Double> sums = new LinkedHashMap<>();

  /** Parameters before the update that is read, in arrays that stay. */
  private final Map<String, float[]> before = new LinkedHashMap<>();

  private float[] now = new float[0];
  private int samples;
  private boolean reading;
  private boolean read;
  private boolean shown;
  private Optional<EventFile> events = Optional.empty();

  /**
   * Telemetry of a model.
   *
   * @param size side of the input
   * @param notes is told when event files can no longer be written
   */
  Telemetry(
      TelemetryOptions options,
      Model model,
      OptimizerState optimizer,
      Set<String> frozen,
      int size,
      Consumer<String> notes) {
    this.options = options;
    this.model = model;
    this.optimizer = optimizer;
    this.notes = notes;
    trained =
        model.graph().parameters().stream()
            .filter(p -> p.role().trainable() && !frozen.contains(p.name()))
            .toList();
    relus = new DeadRelus(model.graph(), size, () -> reading);
  }

  /** The step with what telemetry needs of its inside. */
  CompileOptions watch(CompileOptions step) {
    List<Callback> callbacks = options.every() == 0 ? List.of() : relus.callbacks();
    return step.withWatch(new CompileOptions.Watch(Set.of(), Set.of(), callbacks));
  }

  /** Starts the event file, when all is checked and the run begins. */
  void begin() {
    events = options.tensorboard().map(EventFile::create);
  }

  /**
   * A batch is about to be computed.
   *
   * @param step of the epoch, from 0
   * @param updates whether the optimizer's update follows it
   */
  void batch(int step, boolean updates) {
    reading = options.every() > 0 && updates && step % options.every() == 0;
    read = false;
  }

  /** Whether this step is read. */
  boolean reads() {
    return reading;
  }

  /** The update is about to be made. */
  void beforeUpdate() {
    if (reading) {
      for (Parameter p : trained) {
        float[] values = before.computeIfAbsent(p.name(), n -> new float[p.elements()]);
        model.tensor(p.name()).toFloats(values, staging);
      }
    }
  }

  /**
   * The update was made.
   *
   * @param gradientNorm before clipping
   */
  void afterUpdate(double gradientNorm) {
    if (!reading) {
      return;
    }
    if (now.length == 0) {
      now = new float[trained.stream().mapToInt(Parameter::elements).max().orElse(0)];
    }
    double change = 0;
    double length = 0;
    for (Parameter p : trained) {
      float[] was = before.get(p.name());
      model.tensor(p.name()).toFloats(now, staging);
      for (int i = 0; i < was.length; i++) {
        double difference = (double) now[i] - was[i];
        change += difference * difference;
        length += (double) was[i] * was[i];
      }
    }
    last.put("gradient_norm", gradientNorm);
    last.put("update_ratio", length > 0 ? Math.sqrt(change / length) : 0);
    relus.shares().forEach((stage, share) -> last.put("dead_relu_" + stage, share));
    last.forEach((name, value) -> sums.merge(name, value, Double::sum));
    samples++;
    read = true;
  }

  /**
   * A batch is done.
   *
   * @param loss of the batch
   * @param rate learning rate of the step
   * @param imagesPerSecond of the epoch so far
   */
  void batchDone(double loss, double rate, double imagesPerSecond) {
    if (read && events.isPresent()) {
      Summary summary =
          new Summary()
              .scalar("step/loss", loss)
              .scalar("step/learning_rate", rate)
              .scalar("step/images_per_second", imagesPerSecond);
      last.forEach((name, value) -> summary.scalar("step/" + name, value));
      write(summary);
    }
  }

  /** Shows some images of the first batch, as the network sees them. */
  void images(Batch batch, int size, List<String> classes) {
    if (shown || events.isEmpty()) {
      return;
    }
    shown = true;
    Summary summary = new Summary();
    int bytes = size * size * 3;
    for (int i = 0; i < Math.min(IMAGES, batch.count()); i++) {
      byte[] rgb = Arrays.copyOfRange(batch.pixels(), i * bytes, (i + 1) * bytes);
      try {
        String tag = Text.format("input/%s/%s", i, classes.get(batch.labels()[i]));
        summary.image(tag, size, size, Png.encode(new RgbImage(size, size, rgb).toBuffered()));
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
    write(summary);
  }

  /** Means of the steps of an epoch that were read, by name; none where none was. */
  Map<String, Double> epoch() {
    Map<String, Double> means = new LinkedHashMap<>();
    sums.forEach((name, sum) -> means.put(name, sum / samples));
    sums.clear();
    samples = 0;
    return means;
  }

  /** An epoch is done: its results, and histograms of weights and of the last step's gradients. */
  void epochDone(EpochResult result) {
    if (events.isEmpty()) {
      return;
    }
    Summary summary =
        new Summary()
            .scalar("epoch/train_loss", result.trainLoss())
            .scalar("epoch/train_accuracy", result.trainAccuracy())
            .scalar("epoch/val_loss", result.valLoss())
            .scalar("epoch/val_accuracy", result.valAccuracy())
            .scalar("epoch/learning_rate", result.learningRate())
            .scalar("epoch/images_per_second", result.imagesPerSecond());
    result.telemetry().forEach((name, value) -> summary.scalar("epoch/" + name, value));
    for (Parameter p : trained) {
      summary.histogram("weights/" + p.name(), model.tensor(p.name()).toFloats(staging));
      summary.histogram("gradients/" + p.name(), model.gradient(p.name()).toFloats(staging));
    }
    write(summary);
  }

  /** A full disk ends the event file, not the training. */
  private void write(Summary summary) {
    try {
      events.orElseThrow().write(optimizer.steps(), summary);
    } catch (IOException e) {
      notes.accept(
          Text.format(
              "the event file ends here, because it cannot be written: %s; the run goes on", e));
      close();
    }
  }

  @Override
  public void close() {
    Optional<EventFile> open = events;
    events = Optional.empty();
    open.ifPresent(EventFile::close);
  }
}
