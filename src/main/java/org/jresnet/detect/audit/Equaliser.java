package org.jresnet.detect.audit;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;
import org.jresnet.base.Json;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ClassStatistics;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.ImageInfo;
import org.jresnet.data.ImageVisits;
import org.jresnet.data.Resize;
import org.jresnet.data.RgbImage;
import org.jresnet.data.Sample;

/**
 * Writes a copy of a set in which every image has the same history, so that no class can be told by
 * its files:
 *
 * <ol>
 *   <li>the middle is cut to a square and reduced to the side of the smallest images;
 *   <li>it is compressed at the lowest quality in the set, so that all have lost what some have:
 *       images that had that quality hardly change;
 *   <li>it is reduced to one half: at the finest scale the histories still differ, and at seven
 *       eighths the opponent told PNG from JPEG with an AUC of 0.64;
 *   <li>it is saved as a JPEG (4:2:0) with a quality between 80 and 95 that a seed draws for each
 *       image, whatever its class.
 * </ol>
 *
 * <p>What differs in the scene stays, such as light and framing, and so does what was lost before:
 * images that had been enlarged are softer than others of their size, in the copy as well.
 */
public final class Equaliser {
  /** What was done, beside the class folders. */
  public static final String RECORD = "equalised.json";

  private static final int MIN_QUALITY = 80;
  private static final int MAX_QUALITY = 95;

  /** Images that may be smaller or worse than what all are brought to: those are left out. */
  private static final double OUTLIERS = 0.01;

  /** Side of a JPEG's unit with sub-sampled colours: cuts at its multiples keep the grid. */
  private static final int UNIT = 16;

  private static final int MIN_SIDE = 64;

  private final Audit audit;
  private final Path target;
  private final long seed;

  private Equaliser(Audit audit, Path target, long seed) {
    this.audit = audit;
    this.target = target.toAbsolutePath().normalize();
    this.seed = seed;
  }

  /**
   * What was done; {@code equalised.json} has these keys.
   *
   * @param source the set that was copied
   * @param images that were written
   * @param side of the images in pixels
   * @param commonQuality of the first compression
   * @param lowestQuality of the last compression
   * @param highestQuality of the last compression
   * @param seed of the qualities
   * @param leftOut images that cannot be decoded, or are smaller than what all are reduced to
   */
  public record Result(
      String source,
      int images,
      int side,
      int commonQuality,
      int lowestQuality,
      int highestQuality,
      long seed,
      List<String> leftOut) {
    /** For people. */
    public String text() {
      return Text.format(
          "%s images of %sx%s pixels, all compressed at quality %s, halved, and compressed at %s to %s%s",
          images,
          side,
          side,
          commonQuality,
          lowestQuality,
          highestQuality,
          leftOut.isEmpty()
              ? ""
              : Text.format(
                  "; %s left out (unreadable or too small), see %s", leftOut.size(), RECORD));
    }
  }

  /**
   * Checks, before any work, that a copy can be written.
   *
   * @param target a folder that is new or empty
   * @throws UserError when it is not, lies inside of the set, or two images would get one name
   */
  public static Equaliser of(Audit audit, Path target, long seed) {
    Equaliser equaliser = new Equaliser(audit, target, seed);
    audit.requireOutside("--equalise", target);
    if (Files.exists(target)) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(target)) {
        if (entries.iterator().hasNext()) {
          throw new UserError(
              Text.format(
                  "--equalise %s is not empty; name a new folder, nothing is replaced", target));
        }
      } catch (IOException e) {
        throw new UserError(Text.format("--equalise %s is no folder: %s", target, e), e);
      }
    }
    Set<String> names = new HashSet<>();
    for (Sample sample : audit.dataset().samples()) {
      if (!names.add(name(sample.id()))) {
        throw new UserError(
            Text.format(
                "two images would become %s in the copy, because all are saved as .jpg; rename one"
                    + " of them",
                name(sample.id())));
      }
    }
    return equaliser;
  }

  /** The name of a copy: that of the image, as a JPEG. */
  private static String name(String id) {
    String lower = id.toLowerCase(java.util.Locale.ROOT);
    return lower.endsWith(".jpg") || lower.endsWith(".jpeg")
        ? id
        : id.substring(0, id.lastIndexOf('.')) + ".jpg";
  }

  /**
   * Writes the copy. The folder appears complete or not at all.
   *
   * @param threads that decode and encode
   * @param progress told the number of images done, from several threads, in any order
   * @param stop ends it with {@link org.jresnet.base.Stopped}
   * @throws UserError when the folder cannot be written or no class would have an image left
   */
  public Result write(int threads, IntConsumer progress, BooleanSupplier stop) {
    List<Sample> samples = audit.dataset().samples();
    List<ImageInfo> infos =
        ClassStatistics.read(audit.dataset().classes(), samples, read -> {}, stop).images();
    if (infos.isEmpty()) {
      throw new UserError("none of the images can be decoded: there is nothing to equalise");
    }
    int side = lowest(infos.stream().mapToInt(i -> Math.min(i.width(), i.height())).toArray());
    if (side < MIN_SIDE) {
      throw new UserError(
          Text.format(
              "the set has images with a side of %s pixels, to which all would be reduced; delete the"
                  + " images with a side below %s first",
              side, MIN_SIDE));
    }
    int quality = lowest(infos.stream().mapToInt(ImageInfo::approximateQuality).toArray());
    Path temporary = target.resolveSibling("." + target.getFileName() + ".tmp");
    String[] leftOut = new String[samples.size()];
    AtomicInteger done = new AtomicInteger();
    try {
      delete(temporary);
      Files.createDirectories(temporary);
      ImageVisits.all(
          samples.stream().map(Sample::file).toList(),
          threads,
          stop,
          new ImageVisits.Visitor() {
            @Override
            public void visit(int index, ImageInfo info, RgbImage image, String contentHash) {
              if (Math.min(image.width(), image.height()) < side) {
                leftOut[index] = samples.get(index).id();
              } else {
                write(temporary, samples.get(index), image, side, quality);
              }
              progress.accept(done.incrementAndGet());
            }

            @Override
            public void failed(int index, BadImageException problem) {
              leftOut[index] = samples.get(index).id();
              progress.accept(done.incrementAndGet());
            }
          });
      List<String> missing = Arrays.stream(leftOut).filter(id -> id != null).toList();
      Result result =
          new Result(
              audit.data().toString(),
              samples.size() - missing.size(),
              side / 2,
              quality,
              MIN_QUALITY,
              MAX_QUALITY,
              seed,
              missing);
      Files.writeString(temporary.resolve(RECORD), Json.pretty(result));
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
      return result;
    } catch (IOException e) {
      throw cannotWrite(e);
    } finally {
      deleteWhatCanBe(temporary);
    }
  }

  private UserError cannotWrite(IOException e) {
    return new UserError(
        Text.format("the copy %s cannot be written: %s; nothing was left behind", target, e), e);
  }

  /** The smallest, but for a few outliers. */
  private static int lowest(int[] values) {
    Arrays.sort(values);
    return values[(int) (OUTLIERS * values.length)];
  }

  private void write(Path folder, Sample sample, RgbImage image, int side, int quality) {
    int square = Math.min(image.width(), image.height());
    RgbImage middle =
        image.crop(
            (image.width() - square) / 2 / UNIT * UNIT,
            (image.height() - square) / 2 / UNIT * UNIT,
            square,
            square);
    int last =
        MIN_QUALITY
            + RandomStreams.of(seed, "equalise", sample.id().hashCode())
                .nextInt(MAX_QUALITY - MIN_QUALITY + 1);
    Path file = folder.resolve(name(sample.id()));
    try {
      RgbImage common = recompressed(Resize.bilinear(middle, side, side), quality);
      RgbImage small = Resize.bilinear(common, side / 2, side / 2);
      Files.createDirectories(file.getParent());
      Files.write(file, Augmentation.jpeg(small, last));
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  private static RgbImage recompressed(RgbImage image, int quality) throws IOException {
    return ImageDecoder.decode(
        Path.of("equalised image"),
        Augmentation.jpeg(image, quality),
        ImageDecoder.Options.DEFAULT);
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path dir, IOException e) throws IOException {
            Files.delete(dir);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private static void deleteWhatCanBe(Path folder) {
    try {
      delete(folder);
    } catch (IOException e) {
      // The failure that led here is what matters.
      return;
    }
  }
}
