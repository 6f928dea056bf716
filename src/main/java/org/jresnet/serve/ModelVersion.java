package org.jresnet.serve;

import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jresnet.base.Closing;
import org.jresnet.base.Digests;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Preprocess;
import org.jresnet.data.RgbImage;
import org.jresnet.engine.Compute;
import org.jresnet.train.BatchPredictor;
import org.jresnet.train.Classifier;
import org.jresnet.train.HeatMap;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.Prediction;
import org.jresnet.weights.ModelInfo;

/**
 * A model as one state of its file describes it, on a backend of its own. It lives until it is
 * retired and nobody holds it any more.
 */
final class ModelVersion {
  /**
   * An image to predict.
   *
   * @param version that made the input, and computes it
   * @param input at the size of the network's
   * @param heatMap whether to say where the verdict comes from
   */
  record Task(ModelVersion version, RgbImage input, boolean heatMap) {}

  /**
   * A prediction.
   *
   * @param heatMap where it comes from, if that was asked for
   * @param withoutHeatMap why there is none although it was
   */
  record Answer(
      Prediction prediction, Optional<HeatMap> heatMap, Optional<String> withoutHeatMap) {}

  private final ModelSource source;
  private final Optional<FileState> state;
  private final String digest;
  private final Instant since = Instant.now();
  private final List<AutoCloseable> owned = new ArrayList<>();
  private final ModelInfo info;
  private final Preprocess preprocess;
  private final Compute compute;
  private final Classifier classifier;
  private final BatchPredictor predictor;
  private final AtomicInteger holders = new AtomicInteger(1);
  private HeatMaps heatMaps;

  /**
   * Loads and compiles it.
   *
   * @throws UserError saying what is wrong with the file, or that it cannot do what is asked of it
   */
  ModelVersion(ModelSource source, int largest, Consumer<String> notes) {
    this.source = source;
    try {
      state = FileState.of(source.path());
      // Not kept: it holds a second copy of the weights, or the file's pages.
      LoadedModel loaded = source.loaded().get();
      info = loaded.info();
      preprocess = loaded.preprocess();
      digest = Digests.ofFile(ModelFiles.file(source.path()), "the model", () -> false);
      if (!state.equals(FileState.of(source.path()))) {
        throw new UserError(
            Text.format("%s changed while it was read; it is read again", source.path()));
      }
      compute = own(source.compute().get());
      classifier = own(Classifier.open(loaded, compute, notes));
      source.decision().require(classifier.calibration(), notes);
      predictor = own(classifier.batches(largest));
    } catch (RuntimeException | Error e) {
      Closing.closeAll(owned);
      throw e;
    }
  }

  private <T extends AutoCloseable> T own(T resource) {
    owned.add(resource);
    return resource;
  }

  /** Holds it, so that it stays open; false when it is closed already. */
  boolean acquire() {
    return holders.getAndUpdate(n -> n == 0 ? 0 : n + 1) > 0;
  }

  /** Lets it go; the last one closes it. */
  void release() {
    if (holders.decrementAndGet() == 0) {
      Closing.closeAll(owned);
    }
  }

  Preprocess preprocess() {
    return preprocess;
  }

  String digest() {
    return digest;
  }

  /** Computes images of this version, on one thread at a time. */
  List<Answer> predict(List<Task> tasks) {
    List<Prediction> predictions = predictor.predict(tasks.stream().map(Task::input).toList());
    List<Answer> answers = new ArrayList<>();
    for (int i = 0; i < tasks.size(); i++) {
      Prediction p = predictions.get(i);
      answers.add(
          tasks.get(i).heatMap()
              ? explained(tasks.get(i), p)
              : new Answer(p, Optional.empty(), Optional.empty()));
    }
    return answers;
  }

  /** What cannot be explained is still predicted. */
  private Answer explained(Task task, Prediction p) {
    try {
      if (heatMaps == null) {
        if (!state.equals(FileState.of(source.path()))) {
          throw new UserError("the model's file is being replaced; try again later");
        }
        heatMaps = own(new HeatMaps(source.loaded().get(), compute));
      }
      HeatMap map = heatMaps.of(task.input(), source.decision().label(p));
      return new Answer(p, Optional.of(map), Optional.empty());
    } catch (UserError | UnsupportedOperationException e) {
      return new Answer(p, Optional.empty(), Optional.of(String.valueOf(e.getMessage())));
    }
  }

  /** What a prediction says, under the names of {@code predict --json}. */
  Map<String, Object> values(Prediction p) {
    return source.decision().values(p, source.decision().verdict(p));
  }

  /** What the class of a heat map is. */
  String label(Prediction p) {
    return source.decision().label(p);
  }

  /** What clients may know of it. */
  Map<String, Object> description() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("name", source.name());
    values.put("version", digest);
    values.put("loaded", since.toString());
    values.put("architecture", info.architecture());
    values.put("classes", info.classes());
    values.put("size", preprocess.size());
    values.put("resize", preprocess.mode().name().toLowerCase(java.util.Locale.ROOT));
    values.put("precision", compute.precision().id());
    values.put("backend", compute.kind().id());
    values.put("operating_point", source.decision().point());
    source.decision().error().ifPresent(error -> values.put("error", error));
    values.put("calibrated", classifier.calibration().isPresent());
    classifier
        .calibration()
        .ifPresent(
            c -> {
              values.put("temperature", c.temperature().value());
              values.put("positive", c.positive());
              values.put(
                  "operating_points", c.points().stream().map(point -> point.name()).toList());
            });
    return values;
  }
}
