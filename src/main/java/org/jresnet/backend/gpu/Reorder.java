package org.jresnet.backend.gpu;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.OpCall;
import org.jresnet.backend.Phase;
import org.jresnet.base.Closing;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;

/**
 * Filters on their way between the arena of parameters and the layout of cuDNN's engines. One
 * launch moves those of any number of convolutions; a table in the device's memory says where they
 * lie.
 */
final class Reorder implements Runnable, AutoCloseable {
  /** Elements of a vector; as in kernels.cu. */
  private static final int VECTOR = 8;

  /** Bytes of a line of the table; struct Segment in kernels.cu. */
  private static final int LINE = 40;

  /**
   * The filters of one convolution.
   *
   * @param from address of the first element
   * @param to the same of where they go
   * @param k filters
   * @param c channels of each
   * @param rs places of each
   */
  record Segment(long from, long to, int k, int c, int rs) {
    private long vectors() {
      return ((long) k * c * rs + VECTOR - 1) / VECTOR;
    }
  }

  private final Device device;
  private final String kernel;
  private final List<Segment> segments;
  private final DeviceMemory table;
  private final Lane.Launch launch;

  /** Ties a kernel, pack or unpack of some type, to what it moves. */
  Reorder(Device device, String kernel, List<Segment> segments) {
    this.device = device;
    this.kernel = kernel;
    this.segments = List.copyOf(segments);
    ByteBuffer lines = ByteBuffer.allocate(LINE * segments.size()).order(ByteOrder.LITTLE_ENDIAN);
    long vectors = 0;
    for (Segment s : segments) {
      lines.putLong(s.from).putLong(s.to).putLong(vectors);
      lines.putInt(s.k).putInt(s.c).putInt(s.rs).putInt(0);
      vectors += s.vectors();
    }
    table = device.constant(lines.flip());
    launch =
        device.launch(
            kernel,
            Gpu.vectorGrid(device.limits(), VECTOR * vectors),
            new Arguments().add(table.address(0, 0)).add(segments.size()).add(vectors));
  }

  @Override
  public void run() {
    launch.run();
  }

  /** Those calls in that phase, with one call for all filters that the same kernel moves. */
  static BoundOp together(List<BoundOp> ops, Phase phase) {
    List<OpCall> calls = new ArrayList<>();
    Map<String, List<OpCall>> alike = new LinkedHashMap<>();
    for (BoundOp op : ops) {
      for (OpCall call : op.calls()) {
        if (call.phase() != phase) {
          continue;
        } else if (call.body() instanceof Reorder one) {
          alike.computeIfAbsent(one.kernel, k -> new ArrayList<>()).add(call);
        } else {
          calls.add(call);
        }
      }
    }
    List<Reorder> owned = new ArrayList<>();
    alike.forEach(
        (kernel, each) -> {
          List<Segment> segments = new ArrayList<>();
          each.forEach(call -> segments.addAll(((Reorder) call.body()).segments));
          Reorder all = new Reorder(((Reorder) each.get(0).body()).device, kernel, segments);
          owned.add(all);
          long bytes = each.stream().mapToLong(OpCall::bytes).sum();
          calls.add(new OpCall(phase, each.get(0).operation(), kernel, 0, bytes, all));
        });
    return BoundOp.of(calls, owned);
  }

  @Override
  public void close() {
    Closing.closeAll(List.of(launch, table));
  }
}
