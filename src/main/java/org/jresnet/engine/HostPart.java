package org.jresnet.engine;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.backend.Tensor;
import org.jresnet.base.BFloat16;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Element;
import org.jresnet.graph.DType;

/**
 * Values that pass through memory of the host: as many bytes as there are, half of that in bf16.
 */
final class HostPart implements ExchangePart {
  /** Values that are rounded to bf16 at a time. */
  private static final int CHUNK = 1 << 14;

  private final Tensor values;
  private final int divisor;
  private final ByteBuffer[] chunks;
  private final long[] offsets;
  private final ByteBuffer sent;
  private final ByteBuffer single;
  private final Communicator.Reduction sum;
  private boolean open;

  /**
   * The ranges of an arena, one after the other.
   *
   * @param divisor of the sums
   */
  HostPart(Communicator ranks, Tensor values, List<Range> ranges, boolean narrow, int divisor) {
    this.values = values;
    this.divisor = divisor;
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

  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  @Override
  public void start() {
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

  @Override
  public void await() {
    sum.finish();
    open = false;
  }

  @Override
  public void finish() {
    divide();
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

  private void divide() {
    if (divisor == 1) {
      return;
    }
    if (values.type() == DType.F64) {
      for (int i = 0; i < sent.capacity(); i += Double.BYTES) {
        sent.putDouble(i, sent.getDouble(i) / divisor);
      }
    } else {
      for (int i = 0; i < sent.capacity(); i += Float.BYTES) {
        sent.putFloat(i, sent.getFloat(i) / divisor);
      }
    }
  }

  @Override
  public long bytes() {
    return sent.capacity();
  }

  /** A sum that is under way keeps its memory, which the other ranks may still write. */
  @Override
  public void close() {
    if (!open) {
      sum.close();
    }
  }
}
