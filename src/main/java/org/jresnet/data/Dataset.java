package org.jresnet.data;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jresnet.base.Digests;
import org.jresnet.base.UserError;

/**
 * Labelled images of a folder.
 *
 * @param classes class names; a label is an index into them
 * @param samples all images, ordered by class, then by id
 * @param ignored files that are no images by their names
 */
public record Dataset(List<String> classes, List<Sample> samples, int ignored) {
  /** Words for generated images and names of their usual sources. */
  private static final Pattern GENERATED =
      Pattern.compile(
          "(?i)fake|generated|synth|diffus|artificial|forged|manipulated|midjourney|dall.?e"
              + "|firefly|sdxl|tpdne|thispersondoesnotexist|100k.?(faces|generated)|face.?swap"
              + "|neural.?textures|face2face|(\\b|_)(ai|sd|flux)(\\d|\\b|_)"
              // By their names: people are called Megan and Morgan.
              + "|(\\b|_)(style|pro|pg|big|cycle|star|att|st|sn|sa|dc|ls|w|co|info|gau|vq)?-?gan"
              + "(\\d|\\b|_)");

  private static final Pattern REAL =
      Pattern.compile("(?i)real|genuine|authentic|camera|pristine|human|(not|non|no).?fake");

  /** A set without real images, whatever its folders are called. */
  private static final Pattern FAKES_ONLY = Pattern.compile("(?i)ifakefacedb");

  /** Copies the lists. */
  public Dataset {
    classes = List.copyOf(classes);
    samples = List.copyOf(samples);
  }

  /** Images of one class. */
  public long count(int label) {
    return samples.stream().filter(s -> s.label() == label).count();
  }

  /**
   * The class that a score speaks for, unless you name another: the one whose name says fake,
   * generated, synthetic or AI, where exactly one does; else the last, as label 1 usually is the
   * positive one.
   */
  public static String positive(List<String> classes) {
    List<String> generated = classes.stream().filter(Dataset::saysGenerated).toList();
    return generated.size() == 1 ? generated.get(0) : classes.get(classes.size() - 1);
  }

  private static boolean saysGenerated(String name) {
    return GENERATED.matcher(name).find() && !REAL.matcher(name).find();
  }

  /**
   * What to say when every class seems to hold generated images, by the names of the classes or of
   * a set that is known to have no real ones.
   */
  public Optional<String> onlyFakes() {
    boolean known =
        !samples.isEmpty()
            && samples.stream().allMatch(s -> FAKES_ONLY.matcher(s.file().toString()).find());
    return known || classes.stream().allMatch(Dataset::saysGenerated)
        ? Optional.of(
            "all classes "
                + classes
                + " look like sources of generated images: a classifier tells these sources apart,"
                + " not real from fake. Add a class of real images; the paper behind iFakeFaceDB"
                + " took its own from VGGFace2 and CASIA-WebFace")
        : Optional.empty();
  }

  /**
   * SHA-256 over the lines {@code id TAB bytes TAB label LF} of all samples, in order. Contents are
   * not read, see {@link ContentHashes}.
   *
   * @throws UserError when a file has gone
   */
  public String hash() {
    return Digests.ofLines(
        samples.stream().map(s -> s.id() + "\t" + size(s) + "\t" + s.label()).toList());
  }

  private static long size(Sample sample) {
    try {
      return Files.size(sample.file());
    } catch (IOException e) {
      throw new UserError("the image " + sample.file() + " is gone or cannot be read: " + e, e);
    }
  }
}
