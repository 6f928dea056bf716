package org.jresnet.detect.audit;

import java.util.List;
import java.util.Map;

/**
 * What an audit found; {@code audit.json} holds it with the names of these components as keys.
 *
 * @param format version of this layout, {@value #FORMAT}
 * @param data the data folder
 * @param group the pattern of groups, empty without
 * @param seed of everything that is drawn
 * @param images files with the name of an image
 * @param unreadable how many of them could not be decoded
 * @param classes what each class is like, in label order
 * @param shortcuts single properties that give the class away, best first
 * @param sameBytes files with the same content
 * @param samePixels files with other bytes but the same pixels
 * @param nearDuplicates images that look the same but have other pixels
 * @param groups how the images of one group lie; empty without {@code group}
 * @param opponent how well a model that sees no face tells the classes apart
 * @param spectrum how the classes' spectra differ
 * @param findings what a user should know, worst first
 */
public record AuditReport(
    int format,
    String data,
    String group,
    long seed,
    int images,
    int unreadable,
    List<ClassFacts> classes,
    List<Shortcut> shortcuts,
    Copies sameBytes,
    Copies samePixels,
    Copies nearDuplicates,
    List<Groups> groups,
    Opponent opponent,
    SpectrumDifference spectrum,
    List<Finding> findings) {
  /** Version of the layout of {@code audit.json}. */
  public static final int FORMAT = 1;

  /** Files that are listed by name in each list. */
  public static final int MAX_LISTED = 100;

  /** Whether there is something that {@code --strict} fails on. */
  public boolean hasProblems() {
    return findings.stream().anyMatch(Finding::failsStrict);
  }

  /**
   * One class.
   *
   * @param name of its folder
   * @param images files with the name of an image
   * @param parts images in each of {@code train}, {@code val}, {@code test}; empty where the set
   *     has no such folders
   * @param values for each property out of a list, such as {@code format}, its values with their
   *     counts, most frequent first, at most 20
   * @param distinct how many values each of these properties has
   * @param numbers for each property that is a number, how it is spread
   * @param doubleCompression JPEGs that show an earlier compression
   * @param spectrum mean over the images of the decadic logarithm of the power in each of the bands
   *     of {@link SpectrumDifference#frequencies}
   * @param spectrumDeviation its standard deviation
   * @param spectrumImages images behind it
   * @param examples some files, evenly spread over the class
   * @param unreadable files that could not be decoded, with the reason, at most {@value
   *     #MAX_LISTED}
   */
  public record ClassFacts(
      String name,
      int images,
      Map<String, Integer> parts,
      Map<String, Map<String, Integer>> values,
      Map<String, Integer> distinct,
      Map<String, Spread> numbers,
      DoubleCompression doubleCompression,
      List<Double> spectrum,
      List<Double> spectrumDeviation,
      int spectrumImages,
      List<String> examples,
      Map<String, String> unreadable) {}

  /**
   * How a number is spread over the images of a class.
   *
   * @param count images that have it
   * @param min smallest
   * @param median half of them are smaller
   * @param max largest
   * @param mean average
   * @param deviation standard deviation
   * @param from where the histogram begins, the same for all classes
   * @param to where it ends
   * @param histogram counts in equally wide bins
   */
  public record Spread(
      int count,
      double min,
      double median,
      double max,
      double mean,
      double deviation,
      double from,
      double to,
      List<Integer> histogram) {}

  /**
   * Traces of an earlier JPEG compression, which only a stronger one with the same grid of blocks
   * leaves.
   *
   * @param tested JPEGs with enough coefficients
   * @param found those that are at least e^20 times likelier after two compressions than after one
   * @param qualities the earlier quality of those as libjpeg counts, to within one, with counts
   */
  public record DoubleCompression(int tested, int found, Map<String, Integer> qualities) {
    /** Share of those that were tested, 0 without any. */
    public double share() {
      return tested == 0 ? 0 : (double) found / tested;
    }
  }

  /**
   * A property that gives the class away.
   *
   * @param feature what people call it
   * @param accuracy balanced accuracy of the best rule on that property alone
   * @param low lower end of its 95 % interval
   * @param high upper end
   */
  public record Shortcut(String feature, double accuracy, double low, double high) {}

  /**
   * Images that are the same.
   *
   * @param groups how many images have copies
   * @param copies images that could be deleted
   * @param acrossClasses groups with images of more than one class
   * @param acrossParts groups in more than one of {@code train}, {@code val}, {@code test}
   * @param examples groups of ids, the worst first, at most {@value #MAX_LISTED}
   */
  public record Copies(
      int groups, int copies, int acrossClasses, int acrossParts, List<List<String>> examples) {}

  /**
   * Groups of images that belong together, such as those of one person.
   *
   * @param groups how many there are
   * @param largest images of the largest
   * @param perClass how many each class has
   * @param acrossClasses groups with images of more than one class
   * @param acrossParts groups in more than one of {@code train}, {@code val}, {@code test}
   * @param examples names of groups in more than one part, at most {@value #MAX_LISTED}
   */
  public record Groups(
      int groups,
      int largest,
      Map<String, Integer> perClass,
      int acrossClasses,
      int acrossParts,
      List<String> examples) {}

  /**
   * The metadata opponent: logistic regression, cross-validated.
   *
   * @param reason why it was not run; empty if it was
   * @param images examples
   * @param folds of the cross-validation
   * @param attempts on the properties of the files, on low-order statistics of the pixels, on both;
   *     of more than two classes, the one that is told best from the rest
   */
  public record Opponent(String reason, int images, int folds, List<Attempt> attempts) {}

  /**
   * One attempt.
   *
   * @param features {@code file}, {@code pixels} or {@code all}
   * @param className the class that it was to find
   * @param auc area under the ROC curve of scores from models that had not seen the image
   * @param low lower end of the 95 % interval
   * @param high upper end
   * @param strongest the features that reach most alone, with their areas
   */
  public record Attempt(
      String features,
      String className,
      double auc,
      double low,
      double high,
      Map<String, Double> strongest) {}

  /**
   * How the spectra differ.
   *
   * @param frequencies middle of each band in cycles per pixel
   * @param first name of one class
   * @param second of the one that differs most from it
   * @param difference mean of the second less mean of the first in each band, in decades of power
   * @param effect the same in units of the standard deviation of single images (Cohen's d)
   */
  public record SpectrumDifference(
      List<Double> frequencies,
      String first,
      String second,
      List<Double> difference,
      List<Double> effect) {}
}
