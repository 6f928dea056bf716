package org.jresnet.data.drawn;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jresnet.data.Augmentation;
import org.jresnet.data.RandomStreams;
import org.jresnet.graph.UserError;

/** Writes the demo's data set. */
public final class DrawnFaces {
  /** Class folders. */
  public static final String CAMERA = "camera";

  /** Class folders. */
  public static final String GENERATED = "generated";

  private static final int SUPERSAMPLING = 2;
  private static final int MIN_QUALITY = 88;
  private static final int MAX_QUALITY = 96;

  /**
   * What to draw.
   *
   * @param perClass pictures of each class
   * @param size side in pixels, a multiple of 4
   * @param seed of everything
   */
  public record Options(int perClass, int size, long seed) {
    /** Checks the numbers. */
    public Options {
      if (perClass < 1) {
        throw new UserError("at least one picture per class is needed, found " + perClass);
      }
      if (size < 32 || size > 1024 || size % 4 != 0) {
        throw new UserError(
            "the size of drawn faces is a multiple of 4 between 32 and 1024, found " + size);
      }
    }
  }

  private DrawnFaces() {}

  /**
   * Draws all pictures into a new folder. Each depends on seed, class and number alone.
   *
   * @param progress told the number of pictures done, from several threads
   * @throws UserError when the folder exists and is not empty, or cannot be written
   */
  public static void write(Path folder, Options options, IntConsumer progress) {
    Path temporary = folder.resolveSibling("." + folder.getFileName() + ".tmp");
    try {
      if (Files.exists(folder)) {
        try (Stream<Path> entries = Files.list(folder)) {
          if (entries.findAny().isPresent()) {
            throw new UserError(
                "the folder " + folder + " is not empty; delete it or choose another");
          }
        }
      }
      delete(temporary);
      Files.createDirectories(temporary.resolve(CAMERA));
      Files.createDirectories(temporary.resolve(GENERATED));
      AtomicInteger done = new AtomicInteger();
      IntStream.range(0, 2 * options.perClass())
          .parallel()
          .forEach(
              i -> {
                write(temporary, options, i % 2 == 0 ? CAMERA : GENERATED, i / 2);
                progress.accept(done.incrementAndGet());
              });
      Files.writeString(temporary.resolve("README.md"), readme(options));
      Files.deleteIfExists(folder);
      Files.move(temporary, folder, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException | UncheckedIOException e) {
      throw new UserError(
          "the drawn faces cannot be written to " + folder + ": " + e.getMessage(), e);
    }
  }

  private static void delete(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (Stream<Path> walk = Files.walk(folder)) {
        for (Path p : walk.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(p);
        }
      }
    }
  }

  private static void write(Path folder, Options options, String kind, int number) {
    SplittableRandom random = RandomStreams.of(options.seed(), kind, number);
    var scene = Scene.draw(random, options.size() * SUPERSAMPLING);
    Planes light = Planes.of(scene, options.size());
    Planes picture = kind.equals(CAMERA) ? camera(light, random) : generated(light, random);
    int quality = MIN_QUALITY + random.nextInt(MAX_QUALITY - MIN_QUALITY + 1);
    try {
      byte[] jpeg = Augmentation.jpeg(picture.toImage(), quality);
      Files.write(folder.resolve(kind).resolve(String.format("%05d.jpg", number)), jpeg);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A Bayer sensor (RGGB): one colour per pixel, photon and read noise, bilinear demosaicing. */
  private static Planes camera(Planes light, SplittableRandom random) {
    int side = light.side();
    double photon = 0.0006 + 0.0012 * random.nextDouble();
    double read = 0.004 + 0.004 * random.nextDouble();
    Planes sensor = new Planes(side);
    for (int y = 0; y < side; y++) {
      for (int x = 0; x < side; x++) {
        int c = (x & 1) + (y & 1);
        double signal = light.at(c, x, y);
        double noise = Math.sqrt(photon * signal + read * read) * gaussian(random);
        sensor.rgb()[c][y * side + x] = (float) (signal + noise);
      }
    }
    Planes out = new Planes(side);
    for (int c = 0; c < 3; c++) {
      for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++) {
          out.rgb()[c][y * side + x] = demosaic(sensor, c, x, y);
        }
      }
    }
    return out;
  }

  /** The mean of the nearest sensor pixels of that colour. */
  private static float demosaic(Planes sensor, int c, int x, int y) {
    float sum = 0;
    float weights = 0;
    for (int dy = -1; dy <= 1; dy++) {
      for (int dx = -1; dx <= 1; dx++) {
        int px = x + dx;
        int py = y + dy;
        if (px < 0
            || py < 0
            || px >= sensor.side()
            || py >= sensor.side()
            || (px & 1) + (py & 1) != c) {
          continue;
        }
        float w = (2 - Math.abs(dx)) * (2 - Math.abs(dy));
        sum += w * sensor.at(c, px, py);
        weights += w;
      }
    }
    return sum / weights;
  }

  /**
   * From a quarter of the side upwards: each doubling is a transposed convolution, then most of the
   * finer detail.
   */
  private static Planes generated(Planes light, SplittableRandom random) {
    Planes half = light.half();
    Planes quarter = half.half();
    double strength = 0.02 + 0.02 * random.nextDouble();
    Planes middle = withDetail(upsample(quarter, strength, random), half, quarter, 0.95);
    double grain = 0.008 + 0.008 * random.nextDouble();
    for (float[] plane : middle.rgb()) {
      for (int i = 0; i < plane.length; i++) {
        plane[i] += (float) (grain * (0.3 + plane[i]) * gaussian(random));
      }
    }
    return withDetail(upsample(middle, strength, random), light, half, 0.85);
  }

  /** Transposed convolution with stride 2 whose four phases do not weigh quite the same. */
  private static Planes upsample(Planes in, double strength, SplittableRandom random) {
    Planes out = new Planes(in.side() * 2);
    for (int c = 0; c < 3; c++) {
      float[] gain = new float[4];
      for (int p = 0; p < 4; p++) {
        double sign = p == 0 || p == 3 ? 1 : -1;
        gain[p] = (float) (1 + sign * strength * (0.8 + 0.4 * random.nextDouble()));
      }
      for (int y = 0; y < out.side(); y++) {
        for (int x = 0; x < out.side(); x++) {
          out.rgb()[c][y * out.side() + x] = smooth(in, c, x, y) * gain[(x & 1) + 2 * (y & 1)];
        }
      }
    }
    return out;
  }

  /** Bilinear doubling at (x, y) of the larger grid. */
  private static float smooth(Planes in, int c, int x, int y) {
    int x0 = x / 2;
    int y0 = y / 2;
    int x1 = x0 + ((x & 1) == 0 ? -1 : 1);
    int y1 = y0 + ((y & 1) == 0 ? -1 : 1);
    return (9 * in.at(c, x0, y0) + 3 * in.at(c, x1, y0) + 3 * in.at(c, x0, y1) + in.at(c, x1, y1))
        / 16;
  }

  /** Adds the share of what {@code fine} knows beyond {@code coarse}. */
  private static Planes withDetail(Planes base, Planes fine, Planes coarse, double share) {
    for (int c = 0; c < 3; c++) {
      for (int y = 0; y < base.side(); y++) {
        for (int x = 0; x < base.side(); x++) {
          base.rgb()[c][y * base.side() + x] +=
              (float) (share * (fine.at(c, x, y) - smooth(coarse, c, x, y)));
        }
      }
    }
    return base;
  }

  private static double gaussian(SplittableRandom random) {
    return Math.sqrt(-2 * Math.log(1 - random.nextDouble()))
        * Math.cos(2 * Math.PI * random.nextDouble());
  }

  private static String readme(Options options) {
    return """
        # Drawn faces

        %d pictures of %d x %d pixels per class, drawn by `jresnet demo` (seed %d). None shows a real person.

        - `camera`: the drawing seen by a simulated sensor: Bayer mosaic, photon and read noise, demosaicing.
        - `generated`: the drawing built up from a quarter of its size by simulated transposed convolutions, with the
          checkerboard traces that they leave.

        Both classes draw their scenes from one distribution and use one JPEG encoder (quality %d to %d). The set shows that
        training, evaluation and prediction work. It is no benchmark: real generators leave other traces.
        """
        .formatted(
            options.perClass(),
            options.size(),
            options.size(),
            options.seed(),
            MIN_QUALITY,
            MAX_QUALITY);
  }
}
