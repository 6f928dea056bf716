package org.jresnet.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jresnet.backend.Backend;
import org.jresnet.base.Digests;
import org.jresnet.base.JsonField;
import org.jresnet.base.Version;
import org.jresnet.data.Dataset;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;

/**
 * Everything needed to repeat a run; {@code run.json}.
 *
 * @param options what was asked for, with {@code auto} resolved
 * @param classes class names in label order
 * @param dataHash SHA-256 over ids and labels of all images
 * @param splitHash SHA-256 of {@code split.csv}
 * @param weightsHash SHA-256 of the weights that the run started from; empty for random values
 * @param jresnet version of jresnet
 * @param java version of Java
 * @param backend the backend's description: library version, instruction set, threads
 * @param contentHash SHA-256 over ids and contents of all images; empty where contents were not
 *     read, and in records of older versions
 * @param dataUse images left out, and looks at the test set
 * @param ranks from where on how many processes shared the run; empty for one
 */
public record RunRecord(
    TrainOptions options,
    List<String> classes,
    String dataHash,
    String splitHash,
    String weightsHash,
    String jresnet,
    String java,
    String backend,
    @JsonField(whenAbsent = "\"\"") String contentHash,
    @JsonField(whenAbsent = DataUse.UNKNOWN) DataUse dataUse,
    @JsonField(whenAbsent = "[]") List<RankUse> ranks) {
  /** Copies the list. */
  public RunRecord {
    ranks = List.copyOf(ranks);
  }

  /**
   * The record of a run that starts now, without contents of images.
   *
   * @param stop is asked while the weight file is read
   */
  static RunRecord of(TrainOptions options, Split split, Backend backend, BooleanSupplier stop) {
    String weights = options.network().weights();
    return new RunRecord(
        options,
        split.classes(),
        new Dataset(split.classes(), samples(split), 0).hash(),
        split.hash(),
        weights.isEmpty() ? "" : Digests.ofFile(Path.of(weights), "the weight file", stop),
        Version.number(),
        System.getProperty("java.version"),
        backend.description(),
        "",
        DataUse.start(0, 0),
        List.of());
  }

  /** All images of a split, by id. */
  static List<Sample> samples(Split split) {
    List<Sample> all = new ArrayList<>(split.all());
    all.sort(Comparator.comparing(Sample::id));
    return all;
  }

  RunRecord withContents(String hash) {
    return with(hash, dataUse, ranks);
  }

  RunRecord withDataUse(DataUse use) {
    return with(contentHash, use, ranks);
  }

  RunRecord withRanks(List<RankUse> uses) {
    return with(contentHash, dataUse, uses);
  }

  /** With what becomes known, or changes, while a run goes on. */
  private RunRecord with(String contents, DataUse use, List<RankUse> uses) {
    return new RunRecord(
        options,
        classes,
        dataHash,
        splitHash,
        weightsHash,
        jresnet,
        java,
        backend,
        contents,
        use,
        uses);
  }
}
