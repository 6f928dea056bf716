package org.jresnet.detect.fingerprint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.function.IntConsumer;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Csv;
import org.jresnet.base.Png;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.RgbImage;

/** Draws a folder of images anew. */
public final class Removal {
  private final Optional<Integer> jpeg;

  /** Result by image. */
  private final Map<Path, Path> targets = new LinkedHashMap<>();

  /**
   * What came out.
   *
   * @param targets the file of every image
   * @param psnr in decibels, of the images that were drawn anew
   * @param failed reasons of the others
   */
  public record Result(Map<Path, Path> targets, Map<Path, Double> psnr, Map<Path, String> failed) {
    /** Mean PSNR; NaN without an image. */
    public double mean() {
      return of(values -> values.stream().mapToDouble(v -> v).average());
    }

    /** The smallest PSNR; NaN without an image. */
    public double smallest() {
      return of(values -> values.stream().mapToDouble(v -> v).min());
    }

    /** The largest PSNR; NaN without an image. */
    public double largest() {
      return of(values -> values.stream().mapToDouble(v -> v).max());
    }

    private double of(Function<List<Double>, OptionalDouble> statistic) {
      return statistic.apply(List.copyOf(psnr.values())).orElse(Double.NaN);
    }

    /** Writes file, result, PSNR and error of every image. */
    public void write(Path csv) {
      List<List<String>> rows = new ArrayList<>(List.of(List.of("file", "out", "psnr", "error")));
      targets.forEach(
          (file, target) ->
              rows.add(
                  List.of(
                      file.toString(),
                      failed.containsKey(file) ? "" : target.toString(),
                      failed.containsKey(file) ? "" : Text.format("%.4f", psnr.get(file)),
                      failed.getOrDefault(file, ""))));
      Csv.write(csv, rows);
    }
  }

  /**
   * Decides the names of all results.
   *
   * @param from folder of images
   * @param to folder for the results
   * @param jpeg quality; empty for PNG
   * @throws UserError when there is no image, or a result has the name of a file that is there, or
   *     of another result
   */
  public Removal(Path from, Path to, Optional<Integer> jpeg) {
    this.jpeg = jpeg;
    Map<Path, Path> sources = new LinkedHashMap<>();
    for (Path image : ImageFolder.images(List.of(from))) {
      Path relative = from.relativize(image);
      String name = relative.getFileName().toString();
      String stem = name.substring(0, name.lastIndexOf('.'));
      Path target =
          to.resolve(relative).resolveSibling(stem + (jpeg.isPresent() ? ".jpg" : ".png"));
      Path other = sources.put(target, image);
      if (other != null) {
        throw new UserError(
            Text.format("%s and %s would both become %s; rename one", other, image, target));
      }
      if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
        throw new UserError(
            Text.format("%s exists, and nothing is replaced; choose another folder", target));
      }
      targets.put(image, target);
    }
  }

  /** Number of images. */
  public int images() {
    return targets.size();
  }

  /** Draws all images anew; what cannot be decoded is left out and named. */
  public Result run(Remover remover, IntConsumer progress) {
    Map<Path, Double> psnr = new LinkedHashMap<>();
    Map<Path, String> failed = new LinkedHashMap<>();
    targets.forEach(
        (image, target) -> {
          try {
            RgbImage before = ImageDecoder.decode(image);
            RgbImage after = remover.remove(before);
            write(after, target);
            psnr.put(image, Remover.psnr(before, after));
          } catch (BadImageException e) {
            failed.put(image, e.getMessage());
          }
          progress.accept(psnr.size() + failed.size());
        });
    return new Result(targets, psnr, failed);
  }

  private void write(RgbImage image, Path target) {
    try {
      Files.createDirectories(target.getParent());
      if (jpeg.isPresent()) {
        byte[] bytes = Augmentation.jpeg(image, jpeg.get());
        AtomicFile.write(target, channel -> AtomicFile.writeFully(channel, ByteBuffer.wrap(bytes)));
      } else {
        Png.write(image.toBuffered(), target);
      }
    } catch (IOException e) {
      throw new UserError(Text.format("%s cannot be written: %s", target, e), e);
    }
  }
}
