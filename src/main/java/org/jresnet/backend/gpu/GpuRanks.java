package org.jresnet.backend.gpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jresnet.backend.DeviceRanks;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.backend.Tensor;
import org.jresnet.base.Closing;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.cuda.CudaEvent;
import org.jresnet.nativebindings.cuda.CudaStream;
import org.jresnet.nativebindings.cuda.DataType;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.Nccl;

/**
 * Sums over the GPUs of all ranks, on a stream of their own beside that which computes: each begins
 * at an event of the computing stream, which in turn waits for an event of the sum where it needs
 * it. The host waits for neither.
 */
final class GpuRanks implements DeviceRanks {
  private static final int NARROW_BYTES = 2;

  private final Gpu gpu;
  private final Nccl nccl;
  private final NcclWatch watch;
  private final CudaStream stream = new CudaStream();

  GpuRanks(Gpu gpu, Nccl nccl, NcclWatch watch) {
    this.gpu = gpu;
    this.nccl = nccl;
    this.watch = watch;
  }

  @Override
  public Sum sum(Tensor arena, List<Range> ranges, DType wire, Result result) {
    if (arena.type() != DType.F32 || wire != DType.F32 && wire != DType.BF16) {
      throw new IllegalArgumentException("no sums of " + arena.type() + " that travel as " + wire);
    }
    Nccl.Operation operation = result == Result.MEAN ? Nccl.Operation.MEAN : Nccl.Operation.SUM;
    return new GpuSum(arena, ranges, wire == DType.BF16, operation);
  }

  private final class GpuSum implements Sum {
    private final CudaEvent ready = new CudaEvent();
    private final CudaEvent done = new CudaEvent();
    private final NcclWatch.Watched watched = new NcclWatch.Watched(done);
    private final List<AutoCloseable> owned = new ArrayList<>(List.of(ready, done));
    private final List<Runnable> calls = new ArrayList<>();

    // Made once: a step allocates nothing.
    private final Runnable sending = this::send;

    private final long bytes;

    GpuSum(Tensor arena, List<Range> ranges, boolean narrow, Nccl.Operation operation) {
      long elements = ranges.stream().mapToLong(Range::count).sum();
      bytes = elements * (narrow ? NARROW_BYTES : Float.BYTES);
      List<Runnable> after = new ArrayList<>();
      for (Range range : ranges) {
        Place place = DeviceBuffer.place(arena.slice(range.first(), range.count()));
        Place sent = place;
        if (narrow) {
          sent = new Place(own(new DeviceMemory(range.count() * NARROW_BYTES)), 0);
          calls.add(
              kernel(
                  "narrow_bf16",
                  range,
                  new Kernel.Arguments().add(place.address()).add(sent.address()).add(0)));
          after.add(
              kernel(
                  "widen_bf16",
                  range,
                  new Kernel.Arguments().add(sent.address()).add(place.address())));
        }
        Nccl.Sum sum =
            nccl.bind(
                sent.memory(),
                sent.offset(),
                range.count(),
                narrow ? DataType.BF16 : DataType.F32,
                operation);
        calls.add(() -> sum.run(stream));
      }
      calls.addAll(after);
      watch.add(watched);
    }

    private <T extends AutoCloseable> T own(T resource) {
      owned.add(resource);
      return resource;
    }

    private Runnable kernel(String name, Range range, Kernel.Arguments arguments) {
      Kernel.Grid grid = Gpu.grid(gpu.limits(), range.count());
      return own(gpu.launch(stream, name, grid, arguments.add(range.count())))::run;
    }

    @Override
    public void start() {
      watch.send(watched, sending);
    }

    private void send() {
      ready.record(gpu.stream());
      stream.await(ready);
      for (int i = 0; i < calls.size(); i++) {
        calls.get(i).run();
      }
      done.record(stream);
    }

    @Override
    public void finish() {
      gpu.stream().await(done);
    }

    @Override
    public long bytes() {
      return bytes;
    }

    @Override
    public void close() {
      Closing.closeAll(owned);
    }
  }

  @Override
  public Optional<String> failure() {
    return watch.failure();
  }

  @Override
  public void leave() {
    watch.leave();
  }

  @Override
  public void close() {
    leave();
    stream.close();
  }
}
