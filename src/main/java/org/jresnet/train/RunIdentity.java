package org.jresnet.train;

import java.util.List;
import org.jresnet.base.JsonField;

/**
 * What decides the result of a run; a checkpoint carries it, so that it goes on only with what it
 * was made with.
 *
 * @param options without what decides no step, see {@link TrainOptions#steps}
 * @param classes class names in label order
 * @param dataHash as in {@link RunRecord}
 * @param splitHash as in {@link RunRecord}
 * @param weightsHash as in {@link RunRecord}
 * @param contentHash as in {@link RunRecord}
 */
record RunIdentity(
    TrainOptions options,
    List<String> classes,
    String dataHash,
    String splitHash,
    String weightsHash,
    @JsonField(whenAbsent = "\"\"") String contentHash) {
  static RunIdentity of(RunRecord record) {
    return new RunIdentity(
        record.options().steps(),
        record.classes(),
        record.dataHash(),
        record.splitHash(),
        record.weightsHash(),
        record.contentHash());
  }

  /** The same without contents, for comparing with one that does not know them. */
  RunIdentity withoutContents() {
    return new RunIdentity(options, classes, dataHash, splitHash, weightsHash, "");
  }
}
