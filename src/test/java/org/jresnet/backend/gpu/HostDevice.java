package org.jresnet.backend.gpu;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.InputOp;
import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.nativebindings.cuda.BlasLt;
import org.jresnet.nativebindings.cuda.CudnnHandle;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.MatrixProduct;

/**
 * The plans of the gpu backend that use kernels of our own, bound to host memory and to {@link
 * HostKernels}: the same argument lists, the same source, another compiler. cuDNN and cuBLASLt are
 * not there, and so the batch norms fall to our kernels, too.
 */
final class HostDevice implements Device, Backend {
  /** Few blocks, so that their loops run several times and over their ends. */
  private static final int BLOCKS = 3;

  private final DeviceLimits limits;
  private final Planner planner;

  HostDevice() {
    this(new DeviceLimits(3, 2048, 32, 65536, 232448, 0, 0));
  }

  /** Launches as on a device of those limits. */
  HostDevice(DeviceLimits limits) {
    this.limits = limits;
    planner = new NoEngines().with(limits);
  }

  private static final class NoEngines extends Planner {
    NoEngines() {
      super(null, CudnnOptions.defaults(), null, new PlanWorkers(() -> null));
    }

    @Override
    Optional<Planned> plan(String key, DType type, Arithmetic arithmetic, Consumer<Draft> build) {
      return Optional.empty();
    }
  }

  @Override
  public DeviceLimits limits() {
    return limits;
  }

  @Override
  public Launch launch(String kernel, Kernel.Grid grid, Kernel.Arguments arguments) {
    long[] bits = arguments.bits();
    int blocks = Math.min(grid.blocks(), BLOCKS);
    return new Launch() {
      @Override
      public void run() {
        HostKernels.launch(kernel, blocks, bits);
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public DeviceMemory constant(ByteBuffer content) {
    DeviceMemory memory = DeviceMemory.onHost(content.remaining());
    memory.hostView().put(content);
    return memory;
  }

  @Override
  public void copy(Place from, Place to, long bytes) {
    byte[] content = new byte[Math.toIntExact(bytes)];
    from.memory().hostView().get((int) from.offset(), content);
    to.memory().hostView().put((int) to.offset(), content);
  }

  @Override
  public OpPlan plan(OpSpec spec) {
    return Lowering.of(planner, spec).on(Optional.of(this));
  }

  @Override
  public Buffer allocate(String purpose, long bytes) {
    DeviceMemory memory = DeviceMemory.onHost(bytes);
    ByteBuffer view = memory.hostView();
    return new DeviceBuffer(memory) {
      @Override
      public void write(long offset, ByteBuffer source) {
        view.put((int) offset, source, source.position(), source.remaining());
        source.position(source.limit());
      }

      @Override
      public void read(long offset, ByteBuffer target) {
        target.put(view.slice((int) offset, target.remaining()));
      }

      @Override
      public ByteBuffer snapshot(long offset, int length) {
        return view.slice((int) offset, length).order(ByteOrder.LITTLE_ENDIAN);
      }
    };
  }

  @Override
  public String name() {
    return "gpu kernels on the host";
  }

  @Override
  public String description() {
    return name();
  }

  @Override
  public Support supports(Precision precision) {
    return Support.yes();
  }

  @Override
  public Support supports(OpSpec spec) {
    return Support.yes();
  }

  @Override
  public Precision autoPrecision() {
    return Precision.FP32;
  }

  @Override
  public Lane beside() {
    return this;
  }

  @Override
  public void fork() {}

  @Override
  public void join() {}

  @Override
  public CudnnHandle dnn() {
    throw new AssertionError("there is no cuDNN here");
  }

  @Override
  public BlasLt blas() {
    throw new AssertionError("there is no cuBLASLt here");
  }

  @Override
  public void run(MatrixProduct.Bound product) {
    throw new AssertionError("there is no cuBLASLt here");
  }

  @Override
  public InputOp input(Shape shape, Normalization normalization, Tensor y) {
    throw new AssertionError("tested by its kernel");
  }

  @Override
  public LossOp loss(LossSpec spec, Tensor logits, Tensor dlogits, Tensor gradientScale) {
    throw new AssertionError("tested by its kernels");
  }

  @Override
  public Optimizer optimizer(
      UpdateRule rule, Tensor parameters, Tensor gradients, List<Tensor> states) {
    throw new AssertionError("tested by its kernels");
  }

  @Override
  public void close() {}
}
