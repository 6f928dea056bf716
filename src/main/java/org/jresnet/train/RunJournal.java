package org.jresnet.train;

import java.util.Map;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;
import org.jresnet.metrics.Proportion;

/** Keeps {@code run.json} up to date while a run goes on. */
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
      folder.write(record);
    }
  }

  /** Of the validation part, how many images are so large a share. */
  Proportion validation(double accuracy) {
    int images = split.part(Part.VAL).size() - use().leftOut(Part.VAL);
    return new Proportion(Math.round(accuracy * images), images);
  }
}
