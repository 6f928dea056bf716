package org.jresnet.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import org.jresnet.base.Named;
import org.jresnet.base.Text;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.Loader.LastBatch;
import org.jresnet.train.TrainOptions;
import org.jresnet.train.Training;

/**
 * Which options of {@code train} mean something beside {@code --resume}: a run goes on with its
 * own, so an option that says otherwise is an error and is never ignored.
 */
final class ResumeOptions {
  /** Options that decide no step, or say where and how to go on. */
  static final Set<String> FREE =
      Set.of(
          "--out",
          "--resume",
          "--overwrite",
          "--epochs",
          "--patience",
          "--checkpoint-blocks",
          "--positive",
          "--loader-threads",
          "--ranks",
          "--exchange",
          "--rank-timeout",
          "--telemetry",
          "--telemetry-every",
          "--tensorboard",
          "--trust-files",
          "--json",
          "--verbose",
          "--help",
          "--version",
          "--threads",
          "--pin",
          "--gpu",
          "--cuda-libs",
          "--workspace",
          "--tune",
          "--no-winograd",
          "--deterministic",
          "--no-cuda-graph",
          "--streams",
          "--fusion");

  /** What an option decides, in the options of a run. */
  static final Map<String, Function<TrainOptions, Object>> FIXED = fixed();

  private ResumeOptions() {}

  private static Map<String, Function<TrainOptions, Object>> fixed() {
    Map<String, Function<TrainOptions, Object>> m = new LinkedHashMap<>();
    m.put("--model", o -> o.network().model());
    m.put("--width", o -> o.network().width());
    m.put("--weights", o -> o.network().weights());
    m.put("--new-head", o -> o.network().newHead());
    m.put("--zero-init", o -> o.network().zeroInit());
    m.put("--freeze", o -> o.network().freeze());
    m.put("--backend", o -> o.network().backend());
    m.put("--precision", o -> o.network().precision());
    m.put("--batch", TrainOptions::batch);
    m.put("--accumulate", TrainOptions::accumulate);
    m.put("--drop-last", o -> o.lastBatch() == LastBatch.DROP);
    m.put("--size", o -> o.input().preprocess().size());
    m.put("--resize", o -> o.input().preprocess().mode());
    m.put(
        "--exif-rotate",
        o -> o.input().preprocess().decoding().orientation() == ImageDecoder.Orientation.APPLY);
    m.put("--max-pixels", o -> o.input().preprocess().decoding().maxPixels());
    m.put("--jpeg-decoder", o -> o.input().preprocess().decoding().jpeg().kind());
    m.put("--pixels", o -> o.input().pixels());
    m.put("--bad-images", o -> o.input().badImages());
    m.put("--shuffle-window", o -> o.input().shuffleWindow());
    m.put("--flip", o -> o.input().augmentation().flip());
    m.put("--crop-scale", o -> o.input().augmentation().crop().scale().min());
    m.put("--jpeg", o -> o.input().augmentation().jpeg().probability());
    m.put("--blur", o -> o.input().augmentation().blur().probability());
    m.put(
        "--augment",
        o -> o.input().augmentation().degrading().probability() > 0 ? "forensic" : "none");
    m.put("--optimizer", o -> o.optimizer().kind());
    m.put("--lr", o -> o.optimizer().learningRate());
    m.put("--betas", o -> List.of(o.optimizer().beta1(), o.optimizer().beta2()));
    m.put("--eps", o -> o.optimizer().eps());
    m.put("--momentum", o -> o.optimizer().momentum());
    m.put("--weight-decay", o -> o.optimizer().weightDecay());
    m.put("--schedule", o -> o.schedule().kind());
    m.put("--warmup", o -> o.schedule().warmupEpochs());
    m.put("--step-epochs", o -> o.schedule().stepEpochs());
    m.put("--gamma", o -> o.schedule().gamma());
    m.put("--final-lr-factor", o -> o.schedule().finalFactor());
    m.put("--label-smoothing", o -> o.loss().labelSmoothing());
    m.put("--class-weights", o -> o.loss().classWeights());
    m.put("--clip", TrainOptions::clip);
    m.put("--split", o -> List.of(o.split().train(), o.split().val(), o.split().test()));
    m.put("--group", o -> o.split().group());
    m.put("--split-csv", o -> o.split().csv());
    m.put("--sources", TrainOptions::sources);
    m.put("--seed", TrainOptions::seed);
    m.put("--scale-lr", o -> o.parallel().scaleLr());
    m.put("--wire", o -> o.parallel().wire());
    m.put("--sync-norm", o -> o.parallel().syncNorm());
    return m;
  }

  /**
   * Refuses what contradicts the run.
   *
   * @param named the options that were given, by their long names
   * @param given what they and the defaults say
   * @param recorded the run's own
   * @throws UsageError naming each option with both values
   */
  static void require(Set<String> named, TrainOptions given, TrainOptions recorded) {
    List<String> differences = new ArrayList<>();
    FIXED.forEach(
        (name, value) -> {
          Object wanted = value.apply(given);
          if (named.contains(name) && !Objects.equals(wanted, value.apply(recorded))) {
            differences.add(
                name + " is " + shown(wanted) + ", the run has " + shown(value.apply(recorded)));
          }
        });
    if (named.contains("--preset")) {
      differences.add("--preset only starts runs");
    }
    if (!differences.isEmpty()) {
      throw new UsageError(
          Text.format(
              "a run goes on with its own options: %s. Leave them out, or start anew with another "
                  + "--out",
              String.join("; ", differences)));
    }
  }

  private static Object shown(Object value) {
    return value instanceof Named named ? named.id() : value;
  }

  /** The run's own options with those that were given anew and decide no step. */
  static Training merge(Set<String> named, TrainOptions given, TrainOptions recorded) {
    Training training = recorded.change().data(Path.of(given.data()));
    if (named.contains("--checkpoint-blocks")) {
      training.checkpointBlocks(given.network().checkpointBlocks());
    }
    if (named.contains("--loader-threads")) {
      training.loaderThreads(given.input().threads());
    }
    if (named.contains("--epochs")) {
      training.epochs(given.epochs());
    }
    if (named.contains("--patience")) {
      training.patience(given.patience());
    }
    if (named.contains("--positive")) {
      training.positive(given.positive());
    }
    return training;
  }
}
