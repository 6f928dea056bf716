package org.jresnet.data;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Labelled pictures of a folder.
 *
 * @param classes class names; a label is an index into them
 * @param samples all pictures, ordered by class, then by id
 * @param ignored files that are no pictures by their names
 */
public record Dataset(List<String> classes, List<Sample> samples, int ignored) {
  private static final Pattern GENERATED =
      Pattern.compile(
          "(?i).*(fake|gan|generated|synth|diffusion|deepfake|ai[-_ ]?gen|artificial).*");

  /** Copies the lists. */
  public Dataset {
    classes = List.copyOf(classes);
    samples = List.copyOf(samples);
  }

  /** Pictures of one class. */
  public long count(int label) {
    return samples.stream().filter(s -> s.label() == label).count();
  }

  /**
   * A warning when every class seems to hold generated pictures: the result would tell sources
   * apart, not real from fake.
   */
  public Optional<String> onlyFakesWarning() {
    return classes.stream().allMatch(name -> GENERATED.matcher(name).matches())
        ? Optional.of(
            "all classes "
                + classes
                + " look like sources of generated pictures: the classifier will tell the sources"
                + " apart, not real from fake. Add a class of real pictures")
        : Optional.empty();
  }

  /**
   * SHA-256 over ids and labels, in order. Contents are not read: a set of 87,000 pictures must
   * start quickly.
   */
  public String hash() {
    return hash(samples.stream().map(s -> s.id() + "\t" + s.label()).toList());
  }

  static String hash(List<String> lines) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (String line : lines) {
        digest.update(line.getBytes(StandardCharsets.UTF_8));
        digest.update((byte) '\n');
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java runtime has SHA-256", e);
    }
  }
}
