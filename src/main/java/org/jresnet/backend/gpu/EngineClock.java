package org.jresnet.backend.gpu;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.IntConsumer;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.LibraryPlan;
import org.jresnet.backend.Operand;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Tensor;
import org.jresnet.base.BFloat16;
import org.jresnet.base.Closing;
import org.jresnet.base.Float16;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.CudaDevice;
import org.jresnet.nativebindings.cuda.CudaEvent;
import org.jresnet.nativebindings.cuda.CudaException;
import org.jresnet.nativebindings.cuda.CudaStream;
import org.jresnet.nativebindings.cuda.CudnnHandle;
import org.jresnet.nativebindings.cuda.CudnnPlan;
import org.jresnet.nativebindings.cuda.DataType;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.KernelModule;
import org.jresnet.nativebindings.cuda.OpGraph;
import org.jresnet.nativebindings.cuda.PinnedMemory;

/**
 * Times engines as they will run in a step: on random values, because multipliers that toggle fewer
 * bits draw less power and let the clock rise; on tensors that the second-level cache does not hold
 * any more; and many launches between two events, because a pair of events takes several
 * microseconds by itself.
 */
final class EngineClock implements Trial, AutoCloseable {
  private static final int WARM_UP = 2;
  private static final int ROUNDS = 5;

  /** Launches between two events. */
  static final int LAUNCHES = 10;

  /** So many times the cache passes memory before a tensor's turn comes again. */
  private static final int CACHES = 4;

  /** Values are repeated from here on. */
  private static final int PATTERN = 1 << 20;

  /** What the values of a tensor are like. */
  private enum Content {
    SINGLE,
    /** Variances and their like. */
    POSITIVE,
    BRAIN,
    HALF,
    /** Places in a window of three by three. */
    PLACE,
    BITS
  }

  private final Device device;
  private final CudaStream stream;
  private final CudnnHandle dnn;
  private final KernelModule module;
  private final int index;
  private final long cache;
  private final Map<Content, DeviceMemory> patterns = new HashMap<>();

  /**
   * A clock for what runs on that device.
   *
   * @param index of the device
   */
  EngineClock(Device device, CudaStream stream, KernelModule module, int index) {
    this.device = device;
    this.stream = stream;
    this.module = module;
    this.index = index;
    dnn = device.dnn();
    cache = CudaDevice.cacheBytes(index);
  }

  /** Sets of tensors of an engine, bound in turn. */
  private final class Bench implements AutoCloseable {
    final List<CudnnPlan.Bound> sets = new ArrayList<>();
    private final List<AutoCloseable> owned = new ArrayList<>();

    Bench(Planned planned, int count) {
      try {
        DeviceMemory workspace = own(new DeviceMemory(planned.plan().workspaceBytes()));
        for (int i = 0; i < count; i++) {
          sets.add(own(bind(planned, own(new DeviceMemory(setBytes(planned))), workspace)));
        }
      } catch (RuntimeException | Error e) {
        close();
        throw e;
      }
    }

    private <T extends AutoCloseable> T own(T resource) {
      owned.add(resource);
      return resource;
    }

    void launch(int turn) {
      sets.get(turn % sets.size()).run(dnn);
    }

    @Override
    public void close() {
      Closing.closeAll(owned);
    }
  }

  private static long setBytes(Planned planned) {
    return planned.values().values().stream()
        .mapToLong(value -> LibraryPlan.align(value.bytes(), GpuPlan.ALIGNMENT))
        .sum();
  }

  private CudnnPlan.Bound bind(Planned planned, DeviceMemory memory, DeviceMemory workspace) {
    CudnnPlan.Bindings bindings = new CudnnPlan.Bindings();
    long at = 0;
    for (Map.Entry<String, OpGraph.Value> entry : planned.values().entrySet()) {
      OpGraph.Value value = entry.getValue();
      if (value.bytes() == 0) {
        bindings.add(value, 0.5f);
      } else {
        fill(content(entry.getKey(), value), memory, at, value.bytes());
        bindings.add(value, memory, at);
        at += LibraryPlan.align(value.bytes(), GpuPlan.ALIGNMENT);
      }
    }
    return planned.plan().bind(bindings, workspace, 0);
  }

  private static Content content(String name, OpGraph.Value value) {
    if (value.type().isEmpty()) {
      return Content.BITS;
    }
    return content(name, value.type().get());
  }

  private static Content content(String name, DataType type) {
    return switch (type) {
      case F32 ->
          name.contains("var") || name.contains("deviation") ? Content.POSITIVE : Content.SINGLE;
      case BF16 -> Content.BRAIN;
      case F16 -> Content.HALF;
      case I8 -> name.equals("index") ? Content.PLACE : Content.BITS;
      case I32 -> throw new IllegalArgumentException("sums of bytes are never stored: " + name);
    };
  }

  private void fill(Content content, DeviceMemory memory, long at, long bytes) {
    DeviceMemory pattern = patterns.computeIfAbsent(content, this::pattern);
    long filled = Math.min(bytes, PATTERN);
    stream.copy(memory, at, pattern, 0, filled);
    while (filled < bytes) {
      long more = Math.min(filled, bytes - filled);
      stream.copy(memory, at + filled, memory, at, more);
      filled += more;
    }
  }

  private DeviceMemory pattern(Content content) {
    DeviceMemory pattern = new DeviceMemory(PATTERN);
    try (PinnedMemory pinned = new PinnedMemory(PATTERN)) {
      write(content, pinned.view());
      stream.upload(pattern, 0, pinned.pointer(), PATTERN);
      stream.synchronize();
      return pattern;
    } catch (RuntimeException | Error e) {
      pattern.close();
      throw e;
    }
  }

  private static void write(Content content, ByteBuffer view) {
    Random random = new Random(1);
    while (view.hasRemaining()) {
      switch (content) {
        case SINGLE -> view.putFloat((float) random.nextGaussian());
        case POSITIVE -> view.putFloat(0.5f + random.nextFloat());
        case BRAIN -> view.putShort(BFloat16.of((float) random.nextGaussian()));
        case HALF -> view.putShort(Float16.of((float) random.nextGaussian()));
        case PLACE -> view.put((byte) random.nextInt(9));
        case BITS -> view.put((byte) random.nextInt());
      }
    }
  }

  @Override
  public void run(Planned planned) {
    CudaDevice.use(index);
    try (Bench bench = new Bench(planned, 1)) {
      finish(() -> bench.launch(0));
    } catch (CudaException e) {
      if (e.kind() != CudaException.Kind.OUT_OF_MEMORY) {
        throw e;
      }
    }
  }

  @Override
  public double milliseconds(Planned planned) {
    CudaDevice.use(index);
    int sets = sets(setBytes(planned), planned.plan().workspaceBytes());
    if (sets == 0) {
      return Double.NaN;
    }
    try (Bench bench = new Bench(planned, sets)) {
      return milliseconds(bench::launch);
    }
  }

  @Override
  public double milliseconds(KernelTrial trial) {
    CudaDevice.use(index);
    long set =
        trial.tensors().stream().mapToLong(b -> LibraryPlan.align(b, GpuPlan.ALIGNMENT)).sum();
    Kernel kernel = module.kernel(trial.kernel() + "_" + Gpu.suffix(trial.type()));
    List<Kernel.Launch> launches = new ArrayList<>();
    List<AutoCloseable> owned = new ArrayList<>();
    try {
      for (int left = sets(set, 0); left > 0; left--) {
        DeviceMemory memory = new DeviceMemory(set);
        owned.add(memory);
        long[] addresses = new long[trial.tensors().size()];
        long at = 0;
        for (int i = 0; i < addresses.length; i++) {
          long bytes = trial.tensors().get(i);
          fill(content("", Planner.dataType(trial.type())), memory, at, bytes);
          addresses[i] = memory.address(at, bytes);
          at += LibraryPlan.align(bytes, GpuPlan.ALIGNMENT);
        }
        launches.add(kernel.bind(trial.grid(), trial.arguments().apply(addresses)));
      }
      return launches.isEmpty()
          ? Double.NaN
          : milliseconds(turn -> launches.get(turn % launches.size()).run(stream));
    } finally {
      owned.addAll(launches);
      Closing.closeAll(owned);
    }
  }

  @Override
  public double milliseconds(GpuPlan plan, Phase direction) {
    CudaDevice.use(index);
    plan.on(Optional.of(device));
    long set =
        plan.operands().stream()
            .mapToLong(o -> LibraryPlan.align(o.bytes(), GpuPlan.ALIGNMENT))
            .sum();
    List<BoundOp> ops = new ArrayList<>();
    List<AutoCloseable> owned = new ArrayList<>();
    try {
      for (int left = sets(set, 0); left > 0; left--) {
        DeviceMemory memory = new DeviceMemory(set);
        owned.add(memory);
        ops.add(plan.bind(operands(plan, memory)));
        // Backward finds what forward has saved.
        finish(ops.get(ops.size() - 1)::forward);
      }
      return ops.isEmpty()
          ? Double.NaN
          : milliseconds(
              turn -> {
                BoundOp op = ops.get(turn % ops.size());
                if (direction == Phase.FORWARD) {
                  op.forward();
                } else {
                  op.backward();
                }
              });
    } finally {
      owned.addAll(ops);
      Closing.closeAll(owned);
    }
  }

  private Operands operands(GpuPlan plan, DeviceMemory memory) {
    Operands operands = new Operands();
    long at = 0;
    for (Operand o : plan.operands()) {
      fill(content(o), memory, at, o.bytes());
      Tensor tensor = new Tensor(DeviceBuffer.hidden(memory), at, o.type(), o.elements());
      operands.with(o.slot(), tensor);
      at += LibraryPlan.align(o.bytes(), GpuPlan.ALIGNMENT);
    }
    return operands;
  }

  private static Content content(Operand o) {
    return o.type() == DType.U8
        ? Content.BITS
        : o.slot() == Slot.RUNNING_VAR ? Content.POSITIVE : content("", Planner.dataType(o.type()));
  }

  /** The median of a few rounds, per launch; launch number i may take another set of tensors. */
  private double milliseconds(IntConsumer launch) {
    double[] times = new double[ROUNDS];
    try (CudaEvent start = new CudaEvent();
        CudaEvent end = new CudaEvent()) {
      for (int i = 0; i < WARM_UP; i++) {
        int turn = i;
        // One at a time: an engine that fails is not sent again.
        finish(() -> launch.accept(turn));
      }
      for (int round = 0; round < ROUNDS; round++) {
        finish(
            () -> {
              start.record(stream);
              for (int i = 0; i < LAUNCHES; i++) {
                launch.accept(i);
              }
              end.record(stream);
            });
        times[round] = end.millisecondsSince(start) / LAUNCHES;
      }
    }
    Arrays.sort(times);
    return times[ROUNDS / 2];
  }

  /** As many as the cache does not hold, if memory has them; at most one per launch. */
  private int sets(long bytes, long workspace) {
    long each = Math.max(1, bytes);
    long fitting = (CudaDevice.freeBytes() - workspace) * 9 / 10 / each;
    return (int) Math.min(Math.min(LAUNCHES, 1 + CACHES * cache / each), Math.max(0, fitting));
  }

  /** Runs work and waits for it; a failure of the device hides behind one of the call. */
  private void finish(Runnable work) {
    try {
      work.run();
    } catch (CudaException e) {
      try {
        stream.synchronize();
      } catch (CudaException lost) {
        lost.addSuppressed(e);
        throw lost;
      }
      throw e;
    }
    stream.synchronize();
  }

  @Override
  public void close() {
    Closing.closeAll(List.copyOf(patterns.values()));
  }
}
