package org.jresnet.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jresnet.backend.Backend;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.JpegDecoder;
import org.jresnet.data.RgbImage;
import org.jresnet.data.drawn.DrawnFaces;

/**
 * What decodes JPEG files here, how far its pixels are from the CPU's, and how fast it is: {@code
 * JpegRates SECONDS THREADS}. Images of several threads are compared with those of one. Ends with 1
 * where pixels are not those of the file, and with 75 where no GPU decodes.
 */
public final class JpegRates {
  private static final int IMAGES = 8;
  private static final int SIDE = 512;

  /** Other rounding and other interpolation of chroma stay far below; other colours do not. */
  private static final double MOST_MEAN = 3;

  private JpegRates() {}

  private record Measured(List<RgbImage> images, double alone, double together, int wrong) {}

  /** Prints a line for each decoder. */
  @SuppressWarnings("SystemOut")
  public static void main(String[] arguments) throws Exception {
    double seconds = Double.parseDouble(arguments[0]);
    int threads = Integer.parseInt(arguments[1]);
    List<byte[]> files = files();
    int code = 75;
    try (Backend backend = TestBackends.open("gpu")) {
      Measured exact = measured(files, JpegDecoder.CPU, seconds, threads);
      print("cpu", exact, exact, threads);
      for (String kind : List.of("nvjpeg", "nvjpeg-hybrid")) {
        try {
          JpegDecoder decoder = new JpegDecoder(backend.jpegDevice(kind));
          Measured found = measured(files, decoder, seconds, threads);
          double mean = print(decoder.id(), found, exact, threads);
          boolean right = mean <= MOST_MEAN && found.wrong() == 0;
          code = right && code != 1 ? 0 : 1;
        } catch (UserError e) {
          System.out.printf("%s: not here: %s%n", kind, e.getMessage());
        }
      }
    }
    System.exit(code);
  }

  /** Drawn pictures as JPEG files in 4:2:0. */
  private static List<byte[]> files() throws IOException {
    Path folder = Files.createTempDirectory("jpeg-rates").resolve("faces");
    DrawnFaces.write(folder, new DrawnFaces.Options(IMAGES / 2, SIDE, 1), done -> {});
    List<byte[]> files = new ArrayList<>();
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path file : all.filter(f -> f.toString().endsWith(".jpg")).sorted().toList()) {
        files.add(Files.readAllBytes(file));
      }
    }
    return files;
  }

  private static Measured measured(
      List<byte[]> files, JpegDecoder decoder, double seconds, int threads) throws Exception {
    List<RgbImage> images = new ArrayList<>();
    for (byte[] file : files) {
      images.add(decode(file, decoder));
    }
    AtomicInteger wrong = new AtomicInteger();
    double alone = rate(files, images, decoder, seconds, 1, wrong);
    double together = rate(files, images, decoder, seconds, threads, wrong);
    return new Measured(images, alone, together, wrong.get());
  }

  private static RgbImage decode(byte[] file, JpegDecoder decoder) throws IOException {
    return ImageDecoder.decode(
        Path.of("drawn"), file, ImageDecoder.Options.DEFAULT.withJpeg(decoder));
  }

  /** Images per second. */
  private static double rate(
      List<byte[]> files,
      List<RgbImage> expected,
      JpegDecoder decoder,
      double seconds,
      int threads,
      AtomicInteger wrong)
      throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    long start = System.nanoTime();
    List<Future<Integer>> done = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      done.add(
          pool.submit(
              () -> {
                int images = 0;
                while ((System.nanoTime() - start) / 1e9 < seconds) {
                  int i = images++ % files.size();
                  if (!Arrays.equals(decode(files.get(i), decoder).rgb(), expected.get(i).rgb())) {
                    wrong.incrementAndGet();
                  }
                }
                return images;
              }));
    }
    int images = 0;
    for (Future<Integer> d : done) {
      images += d.get();
    }
    pool.shutdown();
    return images / ((System.nanoTime() - start) / 1e9);
  }

  @SuppressWarnings("SystemOut")
  private static double print(String name, Measured found, Measured exact, int threads) {
    int largest = 0;
    long sum = 0;
    long values = 0;
    for (int i = 0; i < found.images().size(); i++) {
      byte[] a = found.images().get(i).rgb();
      byte[] b = exact.images().get(i).rgb();
      for (int k = 0; k < a.length; k++) {
        int difference = Math.abs((a[k] & 255) - (b[k] & 255));
        largest = Math.max(largest, difference);
        sum += difference;
      }
      values += a.length;
    }
    double mean = (double) sum / values;
    System.out.printf(
        Locale.ROOT,
        "%-22s differs from the cpu by %d at most, %.3f in the mean; %.0f images/s by 1 thread,"
            + " %.0f by %d%s%n",
        name,
        largest,
        mean,
        found.alone(),
        found.together(),
        threads,
        found.wrong() == 0 ? "" : "; " + found.wrong() + " images changed from call to call");
    return mean;
  }
}
