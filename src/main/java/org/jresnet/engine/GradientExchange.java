package org.jresnet.engine;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.backend.Tensor;
import org.jresnet.base.BFloat16;
import org.jresnet.base.Closing;
import org.jresnet.base.UserError;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Element;
import org.jresnet.distributed.Wire;
import org.jresnet.graph.DType;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;

/**
 * Adds up the gradients of all ranks, bucket by bucket, while backward still computes; and makes
 * running statistics those of all ranks, their mean. After {@link #finish} every rank holds the
 * same bits.
 *
 * <p>Values travel in memory of the host of their own: as many bytes as there are gradients, half
 * of that in bf16.
 */
public final class GradientExchange implements AutoCloseable {
  /** Values of the device in memory of the host, and what is done with them there. */
  private final class Part implements AutoCloseable {
    private final Tensor values;
    private final ByteBuffer[] chunks;
    private final long[] offsets;
    private final ByteBuffer sent;
    private final ByteBuffer single;
    private final Communicator.Reduction sum;
    private boolean open;

    /** The ranges of an arena, one after the other. */
    Part(Tensor values, List<Range> ranges, boolean narrow) {
      this.values = values;
      int width = values.type().bytes();
      int elements = Math.toIntExact(ranges.stream().mapToLong(Range::count).sum());
      sent = direct(Math.multiplyExact(elements, narrow ? Short.BYTES : width));
      single = narrow ? direct(CHUNK * width) : null;
      List<ByteBuffer> pieces = new ArrayList<>();
      List<Long> starts = new ArrayList<>();
      int at = 0;
      for (Range range : ranges) {
        long step = narrow ? CHUNK : range.count();
        for (long done = 0; done < range.count(); done += step) {
          int count = (int) Math.min(step, range.count() - done);
          starts.add(values.offset() + (range.first() + done) * width);
          int bytes = count * (narrow ? Short.BYTES : width);
          pieces.add(sent.slice(at, bytes).order(ByteOrder.nativeOrder()));
          at += bytes;
        }
      }
      chunks = pieces.toArray(ByteBuffer[]::new);
      offsets = starts.stream().mapToLong(Long::longValue).toArray();
      Element element =
          narrow ? Element.BF16 : values.type() == DType.F64 ? Element.F64 : Element.F32;
      sum = ranks.reduction(sent, element);
    }

    void start() {
      for (int i = 0; i < chunks.length; i++) {
        chunks[i].clear();
        if (single == null) {
          values.buffer().read(offsets[i], chunks[i]);
        } else {
          int count = chunks[i].capacity() / Short.BYTES;
          values.buffer().read(offsets[i], single.clear().limit(count * Float.BYTES));
          single.clear();
          for (int k = 0; k < count; k++) {
            chunks[i].putShort(k * Short.BYTES, BFloat16.of(single.getFloat(k * Float.BYTES)));
          }
        }
      }
      sum.start();
      open = true;
    }

    void finish() {
      sum.finish();
      open = false;
    }

    /** Puts the sums where the values came from. */
    void write() {
      for (int i = 0; i < chunks.length; i++) {
        chunks[i].clear();
        if (single == null) {
          values.buffer().write(offsets[i], chunks[i]);
        } else {
          int count = chunks[i].capacity() / Short.BYTES;
          single.clear();
          for (int k = 0; k < count; k++) {
            single.putFloat(k * Float.BYTES, BFloat16.toFloat(chunks[i].getShort(k * Short.BYTES)));
          }
          values.buffer().write(offsets[i], single.limit(count * Float.BYTES));
        }
      }
    }

    void divide(int by) {
      if (values.type() == DType.F64) {
        for (int i = 0; i < sent.capacity(); i += Double.BYTES) {
          sent.putDouble(i, sent.getDouble(i) / by);
        }
      } else {
        for (int i = 0; i < sent.capacity(); i += Float.BYTES) {
          sent.putFloat(i, sent.getFloat(i) / by);
        }
      }
    }

    @Override
    public void close() {
      sum.close();
    }
  }

  /** Values that are rounded to bf16 at a time. */
  private static final int CHUNK = 1 << 14;

  private final Communicator ranks;
  private final List<Bucket> buckets;
  private final List<Part> parts = new ArrayList<>();
  private final Optional<Part> statistics;
  private long waitedNanos;

  /**
   * Prepares the exchange of a model's gradients.
   *
   * @param frozen names of parameters that have no gradient
   * @param statistics of norms: whether each rank has its own, so that the mean is taken
   * @throws UserError when the model's parameters are not single precision and travel as bf16
   */
  public GradientExchange(
      Model model, Communicator ranks, Set<String> frozen, Wire wire, Statistics statistics) {
    this.ranks = ranks;
    boolean narrow = wire == Wire.BF16;
    if (narrow && model.gradients().type() != DType.F32) {
      throw new UserError(
          "--wire bf16 rounds gradients of single precision, and those in "
              + model.precision().id()
              + " are "
              + model.gradients().type()
              + "; leave it out");
    }
    buckets = Bucket.of(model.graph(), frozen);
    for (Bucket bucket : buckets) {
      parts.add(new Part(model.gradients(), List.of(bucket.range()), narrow));
    }
    List<Range> moving = moving(model.graph(), frozen);
    this.statistics =
        statistics == Statistics.SHARED || moving.isEmpty()
            ? Optional.empty()
            : Optional.of(new Part(model.statistics(), moving, false));
  }

  /** Whose running statistics a rank has after a step. */
  public enum Statistics {
    /** Its own: of its part of the batch. */
    OWN,
    /** Those of the whole batch, because norms add up over ranks. */
    SHARED
  }

  /** Running statistics that a step changes: of norms that are not frozen. */
  private static List<Range> moving(Graph graph, Set<String> frozen) {
    Layout layout = Layout.of(graph);
    List<Range> ranges = new ArrayList<>();
    for (Node node : graph.nodes()) {
      boolean trains =
          node.parameters().stream()
              .anyMatch(p -> p.role().trainable() && !frozen.contains(p.name()));
      for (Parameter p : node.parameters()) {
        boolean statistic =
            p.role() == Parameter.Role.RUNNING_MEAN || p.role() == Parameter.Role.RUNNING_VAR;
        if (trains && statistic) {
          ranges.add(layout.ranges().get(p.name()));
        }
      }
    }
    return ranges;
  }

  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  /** What travels together, in the order in which backward completes it. */
  public List<Bucket> buckets() {
    return buckets;
  }

  /** Begins to add up a bucket, whose gradients are complete. */
  void start(int bucket) {
    parts.get(bucket).start();
  }

  /** Begins to add up all buckets, where no step has begun: gradients were accumulated first. */
  public void start() {
    for (int i = 0; i < parts.size(); i++) {
      start(i);
    }
  }

  /** Waits until the model has the sums of all ranks' gradients, and their mean statistics. */
  public void finish() {
    statistics.ifPresent(Part::start);
    long began = System.nanoTime();
    for (int i = 0; i < parts.size(); i++) {
      parts.get(i).finish();
    }
    statistics.ifPresent(Part::finish);
    waitedNanos += System.nanoTime() - began;
    for (int i = 0; i < parts.size(); i++) {
      parts.get(i).write();
    }
    if (statistics.isPresent()) {
      statistics.get().divide(ranks.size());
      statistics.get().write();
    }
  }

  /** Nanoseconds that {@link #finish} has waited for others since the last call. */
  public long takeWaitNanos() {
    long nanos = waitedNanos;
    waitedNanos = 0;
    return nanos;
  }

  /** Bytes that each rank gives away and takes in a step, before what the way of adding adds. */
  public long bytes() {
    return parts.stream().mapToLong(p -> p.sent.capacity()).sum()
        + statistics.map(p -> (long) p.sent.capacity()).orElse(0L);
  }

  @Override
  public void close() {
    List<Part> all = new ArrayList<>(parts);
    statistics.ifPresent(all::add);
    Closing.closeAll(all.stream().filter(p -> !p.open).toList());
  }
}
