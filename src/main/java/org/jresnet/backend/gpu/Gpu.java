package org.jresnet.backend.gpu;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.Backend;
import org.jresnet.base.Closing;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.cuda.BlasLt;
import org.jresnet.nativebindings.cuda.CudaDevice;
import org.jresnet.nativebindings.cuda.CudaEvent;
import org.jresnet.nativebindings.cuda.CudaException;
import org.jresnet.nativebindings.cuda.CudaGraph;
import org.jresnet.nativebindings.cuda.CudaStream;
import org.jresnet.nativebindings.cuda.CudnnHandle;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.KernelModule;
import org.jresnet.nativebindings.cuda.MatrixProduct;
import org.jresnet.nativebindings.cuda.PinnedMemory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A GPU at work: its streams, libraries and kernels. */
final class Gpu implements Device, AutoCloseable {
  static final int THREADS = 256;

  private static final Logger LOG = LoggerFactory.getLogger(Gpu.class);

  /** Blocks of that many threads that an SM holds; kernels loop over what is left. */
  static final int BLOCKS_PER_SM = 6;

  /**
   * The same for kernels whose threads take eight elements at a time, by the bounds in kernels.cu.
   */
  static final int VECTOR_BLOCKS = 4;

  private final CudaDevice.Info info;
  private final DeviceLimits limits;
  private final CudnnOptions options;
  private final CudaStream stream;
  private final CudaStream uploads;
  private final CudnnHandle dnn;
  private final Optional<Beside> beside;
  private final BlasLt blas;
  private final KernelModule module;
  private final Map<String, Kernel> kernels = new HashMap<>();
  private final EngineClock clock;
  private boolean recording;

  Gpu(CudnnOptions options) {
    this.options = options;
    enter();
    info = CudaDevice.info(options.device());
    limits = DeviceLimits.of(info.properties());
    stream = new CudaStream();
    uploads = new CudaStream();
    dnn = new CudnnHandle(stream);
    beside = options.streams() > 1 ? Optional.of(new Beside()) : Optional.empty();
    blas = new BlasLt();
    module = Kernels.load(info.architecture(), options.cache());
    clock = new EngineClock(this, stream, module, options.device());
  }

  /** Makes the calling thread work on this GPU: what it allocates lies there. */
  void enter() {
    CudaDevice.use(options.device());
  }

  /** Opens cuDNN in another thread. */
  CudnnHandle another() {
    enter();
    return new CudnnHandle(stream);
  }

  CudaDevice.Info info() {
    return info;
  }

  CudnnOptions options() {
    return options;
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

  /** A second stream, with a cuDNN of its own. */
  private final class Beside implements Lane, AutoCloseable {
    private final CudaStream side = new CudaStream();
    private final CudnnHandle handle = new CudnnHandle(side);
    private final CudaEvent forked = new CudaEvent();
    private final CudaEvent done = new CudaEvent();

    void fork() {
      forked.record(stream);
      side.await(forked);
    }

    void join() {
      done.record(side);
      stream.await(done);
    }

    @Override
    public CudnnHandle dnn() {
      return handle;
    }

    @Override
    public Launch launch(String kernel, Kernel.Grid grid, Kernel.Arguments arguments) {
      return Gpu.this.launch(side, kernel, grid, arguments);
    }

    @Override
    public void close() {
      Closing.closeAll(List.of(side, handle, forked, done));
    }
  }

  private Beside second() {
    return beside.orElseThrow(() -> new IllegalStateException("opened with one stream"));
  }

  @Override
  public void fork() {
    second().fork();
  }

  @Override
  public void join() {
    second().join();
  }

  @Override
  public Lane beside() {
    return second();
  }

  @Override
  public Launch launch(String kernel, Kernel.Grid grid, Kernel.Arguments arguments) {
    return launch(stream, kernel, grid, arguments);
  }

  /** Ties a kernel of another stream to its arguments. */
  Launch launch(CudaStream into, String kernel, Kernel.Grid grid, Kernel.Arguments arguments) {
    Kernel.Launch launch = kernels.computeIfAbsent(kernel, module::kernel).bind(grid, arguments);
    return new Launch() {
      @Override
      public void run() {
        launch.run(into);
      }

      @Override
      public void close() {
        launch.close();
      }
    };
  }

  @Override
  public DeviceMemory constant(ByteBuffer content) {
    enter();
    int size = content.remaining();
    DeviceMemory memory = new DeviceMemory(size);
    try (PinnedMemory source = new PinnedMemory(size)) {
      source.view().put(content);
      stream.upload(memory, 0, source.pointer(), size);
      stream.synchronize();
    }
    return memory;
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

  /** One thread for eight elements, otherwise the same. */
  static Kernel.Grid vectorGrid(DeviceLimits limits, long elements) {
    return Kernel.Grid.over((elements + 7) / 8, THREADS, VECTOR_BLOCKS * limits.multiprocessors());
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
   * second time, and from then on launches the record. Work that cannot be recorded runs call by
   * call, after a warning.
   */
  Backend.Sequence sequence(Runnable work) {
    return new Backend.Sequence() {
      private boolean calls = options.launch() == CudnnOptions.Launch.CALLS;
      private boolean warm;
      private CudaGraph graph;

      @Override
      public void run() {
        if (graph == null && warm && !calls) {
          graph = record(work);
          calls = graph == null;
        }
        if (graph != null) {
          graph.launch(stream);
        } else {
          work.run();
          warm = true;
        }
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

  /** Null where CUDA refuses to record something of it. */
  private CudaGraph record(Runnable work) {
    recording = true;
    try {
      return stream.capture(work);
    } catch (CudaException e) {
      if (e.kind() == CudaException.Kind.LOST) {
        throw e;
      }
      LOG.warn(
          "The step cannot be recorded as a CUDA graph and runs call by call, which is slower: {}",
          e.getMessage());
      return null;
    } finally {
      recording = false;
    }
  }

  /** Waits for all work. */
  void synchronize() {
    stream.synchronize();
    beside.ifPresent(b -> b.side.synchronize());
  }

  /** Lets a planner try its engines here. */
  void equip(Planner planner) {
    planner.tryOn(clock);
  }

  @Override
  public void close() {
    List<AutoCloseable> owned = new ArrayList<>(List.of(uploads, stream));
    beside.ifPresent(owned::add);
    owned.addAll(List.of(blas, dnn, module, clock));
    Closing.closeAll(owned);
  }
}
