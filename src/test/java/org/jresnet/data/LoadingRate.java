package org.jresnet.data;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Loader.LastBatch;
import org.jresnet.data.Loader.Order;

/**
 * Images per second that the loader prepares for training at 224 pixels, for {@code
 * docs/results/data-loading.md}: {@code LoadingRate SECONDS DATA...}, each a data folder or a
 * folder of shards, with one decoding thread. Files are in the page cache after the first, untimed
 * epoch.
 */
public final class LoadingRate {
  private static final int SIZE = 224;
  private static final int BATCH = 32;

  private LoadingRate() {}

  /** Prints a line for each folder and augmentation: the median of rounds, and their range. */
  @SuppressWarnings("SystemOut")
  public static void main(String[] arguments) {
    double seconds = Double.parseDouble(arguments[0]);
    for (String folder : List.of(arguments).subList(1, arguments.length)) {
      List<Sample> samples = ImageFolder.scan(Path.of(folder)).samples();
      System.out.printf(
          Locale.ROOT,
          "%-40s flip %s   flip, crop %s%n",
          folder,
          rate(samples, Augmentation.NONE.withFlip(0.5), seconds),
          rate(samples, Augmentation.NONE.withFlip(0.5).withCropScale(0.35), seconds));
    }
  }

  private static String rate(List<Sample> samples, Augmentation augmentation, double seconds) {
    Loader.Options options =
        new Loader.Options(
            BATCH, 1, 2, 1, Order.SHUFFLED, LastBatch.DROP, BadImages.STOP, Shuffle.WHOLE);
    Preprocess preprocess = new Preprocess(SIZE, Preprocess.Mode.STRETCH);
    double[] rates = new double[5];
    try (Loader loader = new Loader(samples, preprocess, augmentation, options)) {
      int epoch = 0;
      for (int round = -1; round < rates.length; round++) {
        long start = System.nanoTime();
        long images = 0;
        double took = 0;
        while (took < seconds) {
          try (Loader.Epoch e = loader.epoch(epoch++, 0)) {
            for (Batch b = e.next(); b != null; b = e.next()) {
              images += b.count();
            }
          }
          took = (System.nanoTime() - start) / 1e9;
        }
        if (round >= 0) {
          rates[round] = images / took;
        }
      }
    }
    Arrays.sort(rates);
    return String.format(
        Locale.ROOT, "%.0f (%.0f to %.0f)", rates[2], rates[0], rates[rates.length - 1]);
  }
}
