package org.jresnet.detect.audit;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jresnet.base.Text;
import org.jresnet.detect.audit.AuditReport.Attempt;
import org.jresnet.detect.audit.AuditReport.ClassFacts;
import org.jresnet.detect.audit.AuditReport.Copies;
import org.jresnet.detect.audit.AuditReport.Groups;
import org.jresnet.detect.audit.AuditReport.Opponent;
import org.jresnet.detect.audit.AuditReport.Shortcut;
import org.jresnet.detect.audit.AuditReport.SpectrumDifference;
import org.jresnet.detect.audit.Finding.Severity;
import org.jresnet.detect.audit.OpponentFeatures.Kind;

/** What the numbers of an audit mean, in plain sentences. */
final class Findings {
  /** Ratio of the largest to the smallest class. */
  private static final double UNEVEN = 1.5;

  private static final double VERY_UNEVEN = 10;

  /** Lower end of the opponent's interval. */
  private static final double STRONG = 0.8;

  private static final double NOTICEABLE = 0.6;

  /** Between two classes' shares of images that were compressed twice. */
  private static final double DOUBLE_DIFFERENCE = 0.2;

  private static final int MIN_TESTED = 20;

  /** In standard deviations of single images; 0.8 is called large (Cohen 1988). */
  private static final double LARGE_EFFECT = 0.8;

  private static final String EQUALISE =
      "Take both classes from alike sources, or bring them to one history with --equalise DIR, and"
          + " audit the copy. Then trust no result but one on images from another source.";

  private final List<Finding> found = new ArrayList<>();

  private void add(
      Severity severity, String id, Map<String, Double> evidence, String text, String advice) {
    found.add(new Finding(severity, id, text, evidence, advice));
  }

  /** All findings, worst first. */
  List<Finding> sorted() {
    return found.stream().sorted(Comparator.comparing(Finding::severity)).toList();
  }

  void onlyFakes(String text) {
    add(
        Severity.SERIOUS,
        "fakes-only",
        Map.of(),
        text + ".",
        "Add a class of real faces of the same size and compression. To tell sources of fakes"
            + " apart all the same, train with --sources.");
  }

  void classes(List<ClassFacts> classes, int unreadable) {
    if (unreadable > 0) {
      List<String> empty =
          classes.stream().filter(c -> c.numbers().isEmpty()).map(ClassFacts::name).toList();
      add(
          empty.isEmpty() ? Severity.WARNING : Severity.SERIOUS,
          "unreadable",
          Map.of("images", (double) unreadable),
          Text.format(
              "%s cannot be decoded%s.",
              Text.count(unreadable, "image"),
              empty.isEmpty() ? "" : Text.format("; the classes %s have no other", empty)),
          "Look at the list in audit.json; fetch these files again or delete them. Training leaves"
              + " them out.");
    }
    ClassFacts largest = classes.get(0);
    ClassFacts smallest = classes.get(0);
    for (ClassFacts c : classes) {
      largest = c.images() > largest.images() ? c : largest;
      smallest = c.images() < smallest.images() ? c : smallest;
    }
    double ratio = (double) largest.images() / smallest.images();
    if (ratio >= UNEVEN) {
      add(
          ratio >= VERY_UNEVEN ? Severity.WARNING : Severity.NOTE,
          "balance",
          Map.of("ratio", ratio),
          Text.format(
              "'%s' has %s images and '%s' %s: accuracy alone says little.",
              largest.name(), largest.images(), smallest.name(), smallest.images()),
          "Read the accuracy of each class and the AUC; --class-weights balanced makes the classes"
              + " count alike in training.");
    }
  }

  /** Files that are the same image without any doubt. */
  void copies(String id, String what, Copies copies) {
    copies(
        id,
        what,
        copies,
        Severity.SERIOUS,
        "Delete the copies, and of images in two classes the wrong one.");
  }

  /** Images that only look the same; drawn faces, for one, can be alike enough without being so. */
  void nearDuplicates(Copies copies) {
    copies(
        "near-duplicates",
        "saved again, resized or slightly cut, as far as it looks",
        copies,
        Severity.WARNING,
        "Look at them, audit.json lists them. Delete the copies, and of images in two classes the"
            + " wrong one.");
  }

  private void copies(
      String id, String what, Copies copies, Severity acrossSeverity, String acrossAdvice) {
    if (copies.groups() == 0) {
      return;
    }
    boolean across = copies.acrossClasses() > 0 || copies.acrossParts() > 0;
    List<String> where = new ArrayList<>();
    if (copies.acrossClasses() > 0) {
      where.add(
          Text.format(
              "%s in more than one class, so that one of the labels is wrong",
              copies.acrossClasses()));
    }
    if (copies.acrossParts() > 0) {
      where.add(
          Text.format(
              "%s in more than one of train, val and test, so that the result is too good",
              copies.acrossParts()));
    }
    add(
        across ? acrossSeverity : Severity.WARNING,
        id,
        Map.of(
            "groups", (double) copies.groups(),
            "copies", (double) copies.copies(),
            "acrossClasses", (double) copies.acrossClasses(),
            "acrossParts", (double) copies.acrossParts()),
        Text.format(
            "%s %s there more than once, %s%s, such as %s.",
            Text.count(copies.groups(), "image"),
            copies.groups() == 1 ? "is" : "are",
            what,
            across ? "; " + String.join(", ", where) : "",
            copies.examples().get(0).stream().limit(2).collect(Collectors.joining(" and "))),
        across
            ? acrossAdvice
            : "Delete the copies, or keep them together with --group: a random split would put some"
                + " on both sides.");
  }

  void groups(Groups groups) {
    if (groups.acrossParts() > 0) {
      add(
          Severity.SERIOUS,
          "groups-across-parts",
          Map.of("groups", (double) groups.acrossParts()),
          Text.format(
              "%s of %s groups lie in more than one of train, val and test, such as '%s': the result"
                  + " would be too good.",
              groups.acrossParts(), groups.groups(), groups.examples().get(0)),
          "Move each group to one part, or merge the parts and let train --group split them.");
    }
    if (groups.acrossClasses() == 0 && groups.groups() > 1) {
      add(
          Severity.NOTE,
          "groups-apart",
          Map.of("groups", (double) groups.groups()),
          "No group has images of more than one class: a network can learn who is on them instead"
              + " of what was done to them.",
          "Where you can, use real and generated images of the same people or scenes.");
    }
  }

  void shortcuts(List<Shortcut> shortcuts) {
    if (shortcuts.isEmpty()) {
      return;
    }
    add(
        Severity.SERIOUS,
        "shortcuts",
        shortcuts.stream().collect(Collectors.toMap(Shortcut::feature, Shortcut::accuracy)),
        Text.format(
            "%s alone is enough to tell the classes apart: %s.",
            shortcuts.size() == 1 ? "One property" : "Each of these properties",
            shortcuts.stream()
                .map(
                    s ->
                        Text.format(
                            "%s (balanced accuracy %s %%, 95 %% interval %s to %s %%)",
                            s.feature(),
                            percent(s.accuracy()),
                            percent(s.low()),
                            percent(s.high())))
                .collect(Collectors.joining(", "))),
        EQUALISE);
  }

  void opponent(Opponent opponent) {
    if (!opponent.reason().isEmpty()) {
      add(
          Severity.NOTE,
          "opponent-not-run",
          Map.of(),
          "The metadata opponent was not run: it " + opponent.reason() + ".",
          "Add images, or judge by the properties above.");
      return;
    }
    List<Attempt> telling = opponent.attempts().stream().filter(a -> a.low() > NOTICEABLE).toList();
    for (Attempt a : telling) {
      // Both kinds of properties together are news only where neither is enough.
      Kind kind = Kind.of(a.features());
      if (kind != Kind.ALL || telling.size() == 1) {
        add(
            a.low() >= STRONG && kind == Kind.FILE ? Severity.SERIOUS : Severity.WARNING,
            "opponent-" + a.features(),
            Map.of("auc", a.auc(), "low", a.low(), "high", a.high()),
            Text.format(
                "A model that sees no face, only %s, tells '%s' from the rest with an AUC of %.3f (95"
                    + " %% interval %.3f to %.3f): a good result on this set may be %s, not the face."
                    + " Most comes from %s.",
                seen(kind),
                a.className(),
                a.auc(),
                a.low(),
                a.high(),
                kind == Kind.FILE ? "the codec" : "light, noise and compression",
                a.strongest().entrySet().stream()
                    .limit(3)
                    .map(e -> Text.format("%s (%.3f alone)", e.getKey(), e.getValue()))
                    .collect(Collectors.joining(", "))),
            EQUALISE);
      }
    }
  }

  private static String seen(Kind kind) {
    return switch (kind) {
      case FILE -> "size, format, compression and metadata of the files";
      case PIXELS -> "brightness, contrast, saturation, noise and chroma";
      case ALL -> "properties of the files and low-order statistics of the pixels";
    };
  }

  void doubleCompression(List<ClassFacts> classes) {
    List<ClassFacts> tested =
        classes.stream().filter(c -> c.doubleCompression().tested() >= MIN_TESTED).toList();
    if (tested.size() < 2) {
      return;
    }
    Comparator<ClassFacts> share = Comparator.comparingDouble(c -> c.doubleCompression().share());
    ClassFacts most = tested.stream().max(share).orElseThrow();
    ClassFacts least = tested.stream().min(share).orElseThrow();
    double high = most.doubleCompression().share();
    double low = least.doubleCompression().share();
    if (high - low >= DOUBLE_DIFFERENCE) {
      add(
          Severity.WARNING,
          "double-compression",
          Map.of("most", high, "least", low),
          Text.format(
              "%s %% of the JPEGs of '%s' show an earlier JPEG compression, %s %% of '%s': a network"
                  + " can learn the history of the files. Only a stronger compression in the same grid"
                  + " of blocks shows, so more may have one.",
              percent(high), most.name(), percent(low), least.name()),
          EQUALISE);
    }
  }

  void spectrum(SpectrumDifference spectrum) {
    if (Spectra.largest(spectrum) >= LARGE_EFFECT) {
      int band = Spectra.band(spectrum);
      add(
          Severity.NOTE,
          "spectrum",
          Map.of(
              "frequency", spectrum.frequencies().get(band),
              "decades", spectrum.difference().get(band),
              "effect", spectrum.effect().get(band)),
          Text.format(
              "The spectra of '%s' and '%s' differ most at %.2f cycles per pixel: the latter has %.1f"
                  + " times the power there. Up-sampling in a generator does that, and so do"
                  + " resizing, blur and compression.",
              spectrum.first(),
              spectrum.second(),
              spectrum.frequencies().get(band),
              Math.pow(10, spectrum.difference().get(band))),
          "Train with --jpeg and --blur, and check with evaluate --robustness that the verdict does"
              + " not hang on this trace.");
    }
  }

  private static String percent(double share) {
    return Text.format("%.1f", 100 * share);
  }
}
