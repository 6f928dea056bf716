package org.jresnet.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Json;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.metrics.Proportion;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.WeightFiles;

/** Writes what a run has to say to its folder while it goes on; of several ranks one does. */
final class RunJournal {
  private final RunFolder folder;
  private final Split split;
  private RunRecord record;

  /** A journal that begins with a record. */
  RunJournal(RunFolder folder, RunRecord record, Split split) {
    this.folder = folder;
    this.record = record;
    this.split = split;
  }

  RunFolder folder() {
    return folder;
  }

  DataUse use() {
    return record.dataUse();
  }

  /** Records images that could not be decoded. */
  void leftOut(Part part, Map<String, String> bad) {
    update(use().leavingOut(part, split, bad));
  }

  private void update(DataUse use) {
    if (!use.equals(use())) {
      record = record.withDataUse(use);
      if (folder.leads()) {
        folder.write(record);
      }
    }
  }

  /** Of the validation part, how many images are so large a share. */
  Proportion validation(double accuracy) {
    int images = split.part(Part.VAL).size() - use().leftOut(Part.VAL);
    return new Proportion(Math.round(accuracy * images), images);
  }

  /** Makes the best weights those that a checkpoint knows; see {@link RunFolder#settleBest}. */
  void settleBest(String sha256) {
    if (folder.leads()) {
      folder.settleBest(sha256);
    }
  }

  /** What the best weights say of themselves, where this process can read them. */
  Optional<ModelCalibration> bestCalibration() {
    Path best = folder.file(RunFolder.BEST);
    return folder.leads() && Files.exists(best)
        ? ModelInfo.of(WeightFiles.read(best).metadata()).flatMap(ModelCalibration::of)
        : Optional.empty();
  }

  /**
   * Keeps the model as the best one, as of the next checkpoint.
   *
   * @return SHA-256 of the file; empty where another rank writes it
   */
  String writeNextBest(Model model, ModelInfo info) {
    return folder.leads() ? folder.writeNextBest(model, info) : "";
  }

  /** Writes a checkpoint. */
  void save(Checkpoint position, RunIdentity identity, Model model, OptimizerState optimizer) {
    if (folder.leads()) {
      CheckpointFile.save(folder.file(RunFolder.LAST), position, identity, model, optimizer);
      folder.checkpointWritten();
    }
  }

  /** Writes what is drawn and listed of all epochs. */
  void report(
      List<EpochResult> history,
      Optional<ModelCalibration> calibration,
      TrainingListener listener) {
    if (folder.leads() && !history.isEmpty()) {
      writeMetrics(history);
      LearningCurves.draw(history, folder.file(RunFolder.CURVES), listener);
      calibration.ifPresent(
          c -> AtomicFile.write(folder.file(RunFolder.CALIBRATION), Json.pretty(c)));
    }
  }

  private void writeMetrics(List<EpochResult> history) {
    Set<String> telemetry = new LinkedHashSet<>();
    history.forEach(row -> telemetry.addAll(row.telemetry().keySet()));
    StringBuilder text = new StringBuilder(EpochResult.CSV_HEADER);
    telemetry.forEach(name -> text.append(',').append(name));
    text.append('\n');
    history.forEach(row -> text.append(row.csv(telemetry)).append('\n'));
    AtomicFile.write(folder.file(RunFolder.METRICS), text.toString());
  }
}
