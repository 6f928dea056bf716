package org.jresnet.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.base.JsonField;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;

/**
 * What a run did with its images, part of {@code run.json}.
 *
 * @param leftOutPerEpoch training images that an epoch does not see because they fill no batch
 * @param leftOut images of any part that could not be decoded
 * @param testLooks each time that the test set was evaluated, see {@link SealedTest}
 * @param onCpu images of train and val that are not decoded by the device that decodes JPEG files,
 *     because of their header; 0 where no device does
 */
public record DataUse(
    int leftOutPerEpoch,
    List<LeftOut> leftOut,
    List<TestLook> testLooks,
    @JsonField(whenAbsent = "0") long onCpu) {
  /** What records of older versions say, as JSON. */
  static final String UNKNOWN = "{\"leftOutPerEpoch\":0,\"leftOut\":[],\"testLooks\":[]}";

  /**
   * An image that could not be decoded.
   *
   * @param file its id
   * @param part train, val or test
   * @param reason why
   */
  public record LeftOut(String file, String part, String reason) {}

  /**
   * An evaluation of the test set: an opening of its seal.
   *
   * @param epochs epochs that the run had done; 0 where that is not known
   * @param bestEpoch the epoch that was evaluated; 0 where that is not known
   * @param model SHA-256 of its weights
   * @param time when, in UTC as ISO 8601; empty in records of older versions
   */
  public record TestLook(
      int epochs, int bestEpoch, String model, @JsonField(whenAbsent = "\"\"") String time) {}

  /** Copies the lists. */
  public DataUse {
    leftOut = List.copyOf(leftOut);
    testLooks = List.copyOf(testLooks);
  }

  /** Images left out of a part. */
  int leftOut(Part part) {
    return (int) leftOut.stream().filter(l -> l.part().equals(part.id())).count();
  }

  /** Nothing has happened yet. */
  static DataUse start(int leftOutPerEpoch, long onCpu) {
    return new DataUse(leftOutPerEpoch, List.of(), List.of(), onCpu);
  }

  /**
   * The same with images left out of a part added, those that are known once.
   *
   * @param bad reasons by file
   */
  DataUse leavingOut(Part part, Split split, Map<String, String> bad) {
    Map<String, LeftOut> all = new TreeMap<>();
    leftOut.forEach(l -> all.put(l.part() + "\t" + l.file(), l));
    split.part(part).stream()
        .filter(s -> bad.containsKey(s.file().toString()))
        .forEach(
            s ->
                all.put(
                    part.id() + "\t" + s.id(),
                    new LeftOut(s.id(), part.id(), bad.get(s.file().toString()))));
    return new DataUse(leftOutPerEpoch, List.copyOf(all.values()), testLooks, onCpu);
  }

  /** The same after one more look at the test set. */
  DataUse looking(TestLook look) {
    List<TestLook> looks = new ArrayList<>(testLooks);
    looks.add(look);
    return new DataUse(leftOutPerEpoch, leftOut, looks, onCpu);
  }
}
