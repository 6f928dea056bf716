package org.jresnet.data;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.UserError;
import org.jresnet.data.shards.Shards;

/**
 * Decodes and prepares images ahead of their use on several threads. What a batch holds depends on
 * seed, epoch and position alone, never on threads or on where an epoch was resumed.
 */
public final class Loader implements AutoCloseable {
  /** Order of the samples. */
  public enum Order {
    /**
     * A new permutation for each epoch, drawn from seed and epoch alone; a bad image is replaced by
     * the next good one of the permutation.
     */
    SHUFFLED,
    /** As listed; a bad image gets the label {@link Batch#BAD}. */
    SEQUENTIAL
  }

  /** What happens to images that do not fill a batch. */
  public enum LastBatch {
    /** They wait for another epoch's order. */
    DROP,
    /** The last batch is short. */
    KEEP
  }

  /** What happens at an image that cannot be decoded. */
  public enum BadImages {
    /** It is counted and listed, and the run goes on. */
    SKIP,
    /** The run stops with its name. */
    STOP
  }

  /**
   * How batches are made.
   *
   * @param batch images per batch
   * @param threads decoding threads
   * @param prefetch batches that are prepared while one is in use
   * @param seed of order and augmentation
   * @param order of the samples
   * @param lastBatch what happens to the rest
   * @param badImages what happens at an image that cannot be decoded
   * @param shuffle how far the order goes, and which share of it this process reads
   */
  public record Options(
      int batch,
      int threads,
      int prefetch,
      long seed,
      Order order,
      LastBatch lastBatch,
      BadImages badImages,
      Shuffle shuffle) {
    /** Batches ahead that keep the consumer busy. */
    public static final int PREFETCH = 2;

    /** Checks the numbers. */
    public Options {
      if (batch < 1 || threads < 1 || prefetch < 1) {
        throw new UserError(
            "batch, loader threads and prefetched batches must be at least 1, found "
                + batch
                + ", "
                + threads
                + " and "
                + prefetch);
      }
    }

    /** Two batches ahead; a shuffled order drops the rest, a sequential one keeps it. */
    public Options(int batch, int threads, long seed, Order order, BadImages badImages) {
      this(
          batch,
          threads,
          PREFETCH,
          seed,
          order,
          order == Order.SHUFFLED ? LastBatch.DROP : LastBatch.KEEP,
          badImages,
          Shuffle.WHOLE);
    }
  }

  private static final long CLOSE_SECONDS = 10;

  private final List<Sample> samples;
  private final Preprocess preprocess;
  private final Augmentation augmentation;
  private final Options options;
  private final EpochOrder orders;
  private final ThreadPoolExecutor executor;
  private final Map<String, String> bad = Collections.synchronizedMap(new TreeMap<>());
  private long waited;

  /**
   * Makes ready; threads start with the first epoch.
   *
   * @throws UserError when incomplete batches are dropped and the samples fill not even one
   */
  public Loader(
      List<Sample> samples, Preprocess preprocess, Augmentation augmentation, Options options) {
    this.samples = List.copyOf(samples);
    orders = new EpochOrder(this.samples, options.order(), options.shuffle());
    if (options.lastBatch() == LastBatch.DROP && orders.length() < options.batch()) {
      throw new UserError(
          "there are "
              + orders.length()
              + " images to train on, fewer than one batch of "
              + options.batch()
              + "; use a smaller batch or add images");
    }
    this.preprocess = preprocess;
    this.augmentation = augmentation;
    this.options = options;
    executor =
        new ThreadPoolExecutor(
            options.threads(),
            options.threads(),
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread thread = new Thread(task, "jresnet-loader");
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Batches of one epoch. */
  public int batches() {
    return options.lastBatch() == LastBatch.DROP
        ? orders.length() / options.batch()
        : (orders.length() + options.batch() - 1) / options.batch();
  }

  /** Files that could not be decoded so far, with the reason. */
  public Map<String, String> badImages() {
    synchronized (bad) {
      return new TreeMap<>(bad);
    }
  }

  /** Nanoseconds that the consumer has waited for batches since the last call. */
  public long takeWaitNanos() {
    long nanos = waited;
    waited = 0;
    return nanos;
  }

  /** The batches of an epoch from {@code firstBatch} on, the same as without those before it. */
  public Epoch epoch(int epoch, int firstBatch) {
    if (epoch < 0 || firstBatch < 0 || firstBatch > batches()) {
      throw new IllegalArgumentException(
          "expected an epoch from 0 and a first batch from 0 to "
              + batches()
              + ", found "
              + epoch
              + " and "
              + firstBatch);
    }
    return new Epoch(epoch, firstBatch);
  }

  /** A batch that is being filled. */
  private record Pending(Batch batch, List<Future<?>> images) {}

  /** One pass over the samples; close it to stop early. */
  public final class Epoch implements AutoCloseable {
    private final int number;
    private final int[] order;
    private final Deque<Pending> pending = new ArrayDeque<>();
    private final Deque<Batch> free = new ArrayDeque<>();
    private int nextBatch;
    private Batch current;
    private Batch previous;

    private Epoch(int number, int firstBatch) {
      this.number = number;
      this.nextBatch = firstBatch;
      order = orders.of(options.seed(), number);
      int first = firstBatch * options.batch();
      readAhead(first - first % Math.max(1, options.shuffle().window()));
      // Two are the consumer's: the one in use, and the one before.
      for (int i = 0; i < options.prefetch() + 2; i++) {
        free.add(new Batch(options.batch(), preprocess.size()));
      }
      fill();
    }

    private void fill() {
      while (nextBatch < batches() && !free.isEmpty()) {
        Batch batch = free.poll();
        int first = nextBatch * options.batch();
        batch.count(Math.min(options.batch(), order.length - first));
        List<Future<?>> images = new ArrayList<>(batch.count());
        for (int i = 0; i < batch.count(); i++) {
          int slot = i;
          readAhead(first + slot + options.shuffle().window());
          images.add(executor.submit(() -> load(batch, slot, first + slot)));
        }
        pending.add(new Pending(batch, images));
        nextBatch++;
      }
    }

    /** Has the window that begins there, if one does, read from end to end before its images. */
    private void readAhead(int position) {
      List<Path> window = orders.window(order, position);
      if (!window.isEmpty()) {
        executor.execute(() -> Shards.load(window));
      }
    }

    private Void load(Batch batch, int slot, int position) throws BadImageException {
      int tries = options.order() == Order.SHUFFLED ? order.length : 1;
      for (int t = 0; t < tries; t++) {
        int index = order[(position + t) % order.length];
        Sample sample = samples.get(index);
        try {
          SplittableRandom random = RandomStreams.of(options.seed(), "augment", number, index);
          RgbImage ready = ready(sample, random);
          System.arraycopy(
              ready.rgb(), 0, batch.pixels(), slot * ready.rgb().length, ready.rgb().length);
          batch.labels()[slot] = sample.label();
          batch.samples()[slot] = index;
          return null;
        } catch (BadImageException e) {
          if (options.badImages() == BadImages.STOP) {
            throw e;
          }
          bad.put(sample.file().toString(), e.getMessage());
          batch.labels()[slot] = Batch.BAD;
          batch.samples()[slot] = index;
          int bytes = batch.pixels().length / options.batch();
          Arrays.fill(batch.pixels(), slot * bytes, (slot + 1) * bytes, (byte) 0);
        }
      }
      if (options.order() == Order.SHUFFLED) {
        throw new UserError(
            "none of the "
                + samples.size()
                + " training images can be decoded; the first problem is: "
                + badImages().values().iterator().next());
      }
      return null;
    }

    private RgbImage ready(Sample sample, SplittableRandom random) throws BadImageException {
      OpenedImage image = OpenedImage.of(sample.file(), preprocess.decoding());
      long memory = image.memory() + image.info().pixels() * augmentation.bytesPerPixel();
      int share = DecodingMemory.HEAP.take(memory);
      try {
        return augmentation.apply(image.decode(), preprocess, random);
      } finally {
        DecodingMemory.HEAP.give(share);
      }
    }

    /**
     * The next batch, or null at the end. The one before it stays as it is until the next call.
     *
     * @throws UserError when an image stops the run, naming it, or none can be decoded
     * @throws IllegalStateException when the thread is interrupted; its flag stays set
     */
    public Batch next() {
      if (previous != null) {
        free.add(previous);
      }
      previous = current;
      current = null;
      fill();
      Pending head = pending.poll();
      if (head == null) {
        return null;
      }
      long start = System.nanoTime();
      try {
        if (Thread.interrupted()) {
          // Finished images would be handed out without a look at the flag.
          throw new InterruptedException();
        }
        for (Future<?> image : head.images()) {
          image.get();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while waiting for images", e);
      } catch (ExecutionException e) {
        if (e.getCause() instanceof UserError error) {
          throw error;
        }
        if (e.getCause() instanceof BadImageException image) {
          throw new UserError(image.getMessage() + "; bad images stop this run by option", image);
        }
        throw new IllegalStateException("a loader thread failed", e.getCause());
      } finally {
        waited += System.nanoTime() - start;
      }
      current = head.batch();
      return current;
    }

    @Override
    public void close() {
      for (Pending p : pending) {
        p.images().forEach(f -> f.cancel(false));
      }
      pending.clear();
    }
  }

  /**
   * Ends the threads. Images in work are finished first, not interrupted: an interrupted read would
   * look like a bad file.
   */
  @Override
  public void close() {
    executor.getQueue().clear();
    executor.shutdown();
    try {
      executor.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
