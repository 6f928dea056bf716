package org.jresnet.detect.audit;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jresnet.detect.audit.AuditReport.ClassFacts;
import org.jresnet.detect.audit.AuditReport.SpectrumDifference;
import org.jresnet.metrics.RadialSpectrum;

/** Compares the classes' spectra. */
final class Spectra {
  /** Classes that are compared with each other. */
  private static final int MAX_CLASSES = 20;

  /** Images without which a mean says little. */
  private static final int MIN_IMAGES = 5;

  private Spectra() {}

  /** The two classes that differ most in any band; names are empty where none can be compared. */
  static SpectrumDifference compare(List<ClassFacts> classes) {
    List<Double> frequencies =
        IntStream.range(0, RadialSpectrum.BANDS).mapToObj(RadialSpectrum::frequency).toList();
    List<ClassFacts> usable =
        classes.stream().filter(c -> c.spectrumImages() >= MIN_IMAGES).limit(MAX_CLASSES).toList();
    SpectrumDifference most = new SpectrumDifference(frequencies, "", "", List.of(), List.of());
    for (int a = 0; a < usable.size(); a++) {
      for (int b = a + 1; b < usable.size(); b++) {
        SpectrumDifference pair = compare(frequencies, usable.get(a), usable.get(b));
        if (most.effect().isEmpty() || largest(pair) > largest(most)) {
          most = pair;
        }
      }
    }
    return most;
  }

  private static SpectrumDifference compare(
      List<Double> frequencies, ClassFacts first, ClassFacts second) {
    List<Double> difference = new ArrayList<>();
    List<Double> effect = new ArrayList<>();
    for (int b = 0; b < frequencies.size(); b++) {
      double d = second.spectrum().get(b) - first.spectrum().get(b);
      double pooled =
          Math.sqrt(
              (Math.pow(first.spectrumDeviation().get(b), 2)
                      + Math.pow(second.spectrumDeviation().get(b), 2))
                  / 2);
      difference.add(d);
      // Where no two images differ, neither do the classes, or they do without any doubt.
      effect.add(Math.abs(d) < 1e-9 ? 0 : d / Math.max(pooled, 1e-3));
    }
    return new SpectrumDifference(frequencies, first.name(), second.name(), difference, effect);
  }

  /** The largest effect in any band. */
  static double largest(SpectrumDifference pair) {
    return pair.effect().stream().mapToDouble(Math::abs).max().orElse(0);
  }

  /** The band with the largest effect. */
  static int band(SpectrumDifference pair) {
    double largest = largest(pair);
    return IntStream.range(0, pair.effect().size())
        .filter(b -> Math.abs(pair.effect().get(b)) == largest)
        .findFirst()
        .orElse(0);
  }
}
