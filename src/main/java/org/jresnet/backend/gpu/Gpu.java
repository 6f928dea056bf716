package org.jresnet.backend.gpu;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Backend;
import org.jresnet.backend.LibraryPlan;
import org.jresnet.base.Closing;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.cuda.BlasLt;
import org.jresnet.nativebindings.cuda.CudaDevice;
import org.jresnet.nativebindings.cuda.CudaEvent;
import org.jresnet.nativebindings.cuda.CudaGraph;
import org.jresnet.nativebindings.cuda.CudaStream;
import org.jresnet.nativebindings.cuda.CudnnHandle;
import org.jresnet.nativebindings.cuda.CudnnPlan;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.KernelModule;
import org.jresnet.nativebindings.cuda.MatrixProduct;
import org.jresnet.nativebindings.cuda.OpGraph;

/** A GPU at work: its streams, libraries and kernels. */
final class Gpu implements Device, AutoCloseable {
  static final int THREADS = 256;

  /** Blocks of that many threads that an SM holds; kernels loop over what is left. */
  private static final int BLOCKS_PER_SM = 8;

  private static final int WARM_UP = 2;
  private static final int TIMED = 5;

  private final CudaDevice.Info info;
  private final DeviceLimits limits;
  private final CudnnOptions options;
  private final CudaStream stream;
  private final CudaStream uploads;
  private final CudnnHandle dnn;
  private final BlasLt blas;
  private final KernelModule module;
  private final Map<String, Kernel> kernels = new HashMap<>();
  private boolean recording;

  Gpu(CudnnOptions options) {
    this.options = options;
    CudaDevice.use(options.device());
    info = CudaDevice.info(options.device());
    limits = DeviceLimits.of(info.properties());
    stream = new CudaStream();
    uploads = new CudaStream();
    dnn = new CudnnHandle(stream);
    blas = new BlasLt();
    module = Kernels.load(info.architecture(), options.cache());
  }

  CudaDevice.Info info() {
    return info;
  }

  /** Where everything is computed. */
  CudaStream stream() {
    return stream;
  }

  /** Where pixels come in. */
  CudaStream uploads() {
    return uploads;
  }

  @Override
  public DeviceLimits limits() {
    return limits;
  }

  @Override
  public CudnnHandle dnn() {
    return dnn;
  }

  @Override
  public BlasLt blas() {
    return blas;
  }

  @Override
  public Launch launch(String kernel, Kernel.Grid grid, Kernel.Arguments arguments) {
    Kernel.Launch launch = kernels.computeIfAbsent(kernel, module::kernel).bind(grid, arguments);
    return new Launch() {
      @Override
      public void run() {
        launch.run(stream);
      }

      @Override
      public void close() {
        launch.close();
      }
    };
  }

  @Override
  public void copy(Place from, Place to, long bytes) {
    stream.copy(to.memory(), to.offset(), from.memory(), from.offset(), bytes);
  }

  @Override
  public void run(MatrixProduct.Bound product) {
    product.run(stream);
  }

  /**
   * One thread per item, but no more blocks than run at a time: the GPU is full, and none waits.
   */
  static Kernel.Grid grid(DeviceLimits limits, long items) {
    return Kernel.Grid.over(items, THREADS, BLOCKS_PER_SM * limits.multiprocessors());
  }

  /** The suffix of kernels for a type. */
  static String suffix(DType type) {
    return switch (type) {
      case F32, TF32 -> "float";
      case BF16 -> "bf16";
      case F16 -> "f16";
      default -> throw new UnsupportedOperationException("no kernels for " + type);
    };
  }

  /** Marks this place in the stream, also inside a recorded sequence. */
  void mark(CudaEvent event) {
    if (recording) {
      event.recordInGraph(stream);
    } else {
      event.record(stream);
    }
  }

  /**
   * Runs the work call by call the first time, so that everything lazy has happened, records it the
   * second time, and from then on launches the record.
   */
  Backend.Sequence sequence(Runnable work) {
    return new Backend.Sequence() {
      private boolean warm;
      private CudaGraph graph;

      @Override
      public void run() {
        if (options.launch() == CudnnOptions.Launch.CALLS || !warm) {
          work.run();
          warm = true;
          return;
        }
        if (graph == null) {
          recording = true;
          try {
            graph = stream.capture(work);
          } finally {
            recording = false;
          }
        }
        graph.launch(stream);
      }

      @Override
      public void close() {
        stream.synchronize();
        if (graph != null) {
          graph.close();
          graph = null;
        }
      }
    };
  }

  /** Milliseconds of a plan over memory of its own, the median of some runs. */
  double time(Planned planned) {
    long bytes = planned.graph().bytes() + (1 << 20);
    long workspaceBytes = planned.plan().workspaceBytes();
    try (DeviceMemory memory = new DeviceMemory(bytes + 512L * planned.values().size());
        DeviceMemory workspace = new DeviceMemory(workspaceBytes);
        CudaEvent start = new CudaEvent();
        CudaEvent end = new CudaEvent()) {
      stream.clear(memory, 0, memory.bytes());
      CudnnPlan.Bindings bindings = new CudnnPlan.Bindings();
      long at = 0;
      for (OpGraph.Value value : planned.values().values()) {
        if (value.bytes() == 0) {
          bindings.add(value, 0.5f);
        } else {
          bindings.add(value, memory, at);
          at += LibraryPlan.align(value.bytes(), GpuPlan.ALIGNMENT);
        }
      }
      try (CudnnPlan.Bound bound = planned.plan().bind(bindings, workspace, 0)) {
        double[] times = new double[TIMED];
        for (int i = -WARM_UP; i < TIMED; i++) {
          start.record(stream);
          bound.run(dnn);
          end.record(stream);
          end.synchronize();
          if (i >= 0) {
            times[i] = end.millisecondsSince(start);
          }
        }
        java.util.Arrays.sort(times);
        return times[TIMED / 2];
      }
    }
  }

  @Override
  public void close() {
    Closing.closeAll(List.of(uploads, stream, blas, dnn, module));
  }
}
