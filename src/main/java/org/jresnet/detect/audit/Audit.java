package org.jresnet.detect.audit;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.BadImageException;
import org.jresnet.data.Dataset;
import org.jresnet.data.Grouping;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.ImageInfo;
import org.jresnet.data.ImageVisits;
import org.jresnet.data.RgbImage;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;
import org.jresnet.detect.audit.AuditReport.ClassFacts;
import org.jresnet.detect.audit.AuditReport.Copies;
import org.jresnet.detect.audit.AuditReport.Groups;
import org.jresnet.detect.audit.AuditReport.Opponent;
import org.jresnet.detect.audit.AuditReport.Shortcut;
import org.jresnet.detect.audit.AuditReport.SpectrumDifference;
import org.jresnet.train.DataReport;

/**
 * Looks through a set of images for what a network could learn instead of the face. Each image is
 * decoded once; about 3 KB of each are kept.
 */
public final class Audit {
  /** Seed of what is drawn: the folds of the opponent. */
  private static final long SEED = 0;

  private final Path data;
  private final Dataset dataset;
  private final Map<String, Part> parts = new HashMap<>();
  private final String group;

  private Audit(Path data, String group) {
    this.data = data;
    this.group = group;
    if (Split.hasOwnParts(data)) {
      Split split = Split.ownParts(data);
      split.parts().forEach((part, samples) -> samples.forEach(s -> parts.put(s.id(), part)));
      dataset = new Dataset(split.classes(), split.all(), 0);
    } else {
      dataset = ImageFolder.scan(data);
    }
  }

  /**
   * Lists the images of a folder with one folder per class, or with the folders {@code train},
   * {@code val} and {@code test} of such folders.
   *
   * @param group see {@link Grouping}; empty for none
   * @throws UserError when there are not at least two classes with images, or the pattern is none
   *     or does not match every image
   */
  public static Audit of(Path data, String group) {
    Audit audit = new Audit(data, group);
    Grouping grouping = Grouping.of(group);
    Readings names = audit.readings(new ImageFacts[audit.images()], new String[audit.images()]);
    for (int i = 0; i < audit.images(); i++) {
      grouping.key(names.groupId(i));
    }
    return audit;
  }

  /** How many images there are to read. */
  public int images() {
    return dataset.samples().size();
  }

  /**
   * Refuses a place for results that would be read as a class the next time.
   *
   * @param option that named it
   * @throws UserError when it lies in the data folder
   */
  public void requireOutside(String option, Path target) {
    if (target.toAbsolutePath().normalize().startsWith(data.toAbsolutePath().normalize())) {
      throw new UserError(
          Text.format("%s %s lies inside of the set; name a folder beside it", option, target));
    }
  }

  /** The folder. */
  Path data() {
    return data;
  }

  /** The images, and their classes. */
  Dataset dataset() {
    return dataset;
  }

  private Readings readings(ImageFacts[] facts, String[] problems) {
    return new Readings(dataset.classes(), dataset.samples(), parts, facts, problems);
  }

  /**
   * Reads all images and says what was found.
   *
   * @param threads that decode
   * @param progress told the number of images done, from several threads, in any order
   * @param stop ends it with {@link org.jresnet.base.Stopped}
   */
  public AuditReport run(int threads, IntConsumer progress, BooleanSupplier stop) {
    Readings set = read(threads, progress, stop);
    Grouping grouping = Grouping.of(group);
    CopyFinder finder = new CopyFinder(set);
    List<ClassFacts> classes = new Summaries(set).classes();
    int unreadable = images() - set.readable().size();
    List<Shortcut> shortcuts = shortcuts(set);
    Copies sameBytes = finder.sameBytes();
    Copies samePixels = finder.samePixels();
    Copies near = finder.nearDuplicates();
    List<Groups> groups = grouping.isGiven() ? List.of(finder.groups(grouping)) : List.of();
    Opponent opponent = MetadataOpponent.run(set, grouping, SEED);
    SpectrumDifference spectrum = Spectra.compare(classes);
    Findings findings = new Findings();
    dataset.onlyFakes().ifPresent(findings::onlyFakes);
    findings.classes(classes, unreadable);
    findings.shortcuts(shortcuts);
    findings.opponent(opponent);
    findings.copies("same-bytes", "byte for byte", sameBytes);
    findings.copies("same-pixels", "with the same pixels in different files", samePixels);
    findings.nearDuplicates(near);
    groups.forEach(findings::groups);
    findings.doubleCompression(classes);
    findings.spectrum(spectrum);
    return new AuditReport(
        AuditReport.FORMAT,
        data.toString(),
        group,
        SEED,
        images(),
        unreadable,
        classes,
        shortcuts,
        sameBytes,
        samePixels,
        near,
        groups,
        opponent,
        spectrum,
        findings.sorted());
  }

  /** Reads all images. */
  Readings read(int threads, IntConsumer progress, BooleanSupplier stop) {
    ImageFacts[] facts = new ImageFacts[images()];
    String[] problems = new String[images()];
    Queue<Measurer> idle = new ConcurrentLinkedQueue<>();
    AtomicInteger done = new AtomicInteger();
    ImageVisits.all(
        files(dataset.samples()),
        threads,
        stop,
        new ImageVisits.Visitor() {
          @Override
          public void visit(int index, ImageInfo info, RgbImage image, String contentHash) {
            Measurer measurer = idle.poll();
            measurer = measurer == null ? new Measurer() : measurer;
            facts[index] = measurer.of(info, image, contentHash);
            idle.add(measurer);
            progress.accept(done.incrementAndGet());
          }

          @Override
          public void failed(int index, BadImageException problem) {
            problems[index] = problem.getMessage();
            progress.accept(done.incrementAndGet());
          }
        });
    return readings(facts, problems);
  }

  private static List<Path> files(Collection<Sample> samples) {
    List<Path> files = new ArrayList<>();
    samples.forEach(s -> files.add(s.file()));
    return files;
  }

  private static List<Shortcut> shortcuts(Readings set) {
    return DataReport.shortcuts(set.statistics()).stream()
        .map(
            s ->
                new Shortcut(
                    s.feature().text(),
                    s.separation().balancedAccuracy(),
                    s.separation().interval().low(),
                    s.separation().interval().high()))
        .toList();
  }
}
