package org.jresnet.train;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jresnet.base.Digests;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;
import org.jresnet.metrics.Proportion;

/** Keeps {@code run.json} and the result of the test up to date while a run goes on. */
final class RunJournal {
  private final RunFolder folder;
  private final Split split;
  private final Map<String, String> contents;
  private RunRecord record;

  /**
   * A journal that begins with a record.
   *
   * @param contents hashes of images by id, as far as they are known
   */
  RunJournal(RunFolder folder, RunRecord record, Split split, Map<String, String> contents) {
    this.folder = folder;
    this.record = record;
    this.split = split;
    this.contents = contents;
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

  /** Records a look at the test set, then writes what was seen. */
  void test(Evaluation test, DataUse.TestLook look) {
    update(use().leavingOut(Part.TEST, split, test.badImages()).looking(look));
    TestResult.writePredictions(folder.file(RunFolder.PREDICTIONS), test, contents);
    Map<String, Object> binding = new LinkedHashMap<>();
    binding.put("model", RunFolder.BEST);
    binding.put("model_sha256", look.model());
    binding.put("best_epoch", look.bestEpoch());
    binding.put("epochs", look.epochs());
    binding.put("test_looks", use().testLooks().size());
    binding.put("split_sha256", record.splitHash());
    binding.put("data_sha256", record.dataHash());
    binding.put("content_sha256", record.contentHash());
    binding.put("predictions", RunFolder.PREDICTIONS);
    binding.put(
        "predictions_sha256",
        Digests.ofFile(folder.file(RunFolder.PREDICTIONS), "the predictions", () -> false));
    TestResult.write(folder.file(RunFolder.TEST), binding, test);
  }
}
