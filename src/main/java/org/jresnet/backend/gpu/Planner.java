package org.jresnet.backend.gpu;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Tuning;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.cuda.CudaException;
import org.jresnet.nativebindings.cuda.DataType;
import org.jresnet.nativebindings.cuda.EngineConfig.Note;
import org.jresnet.nativebindings.cuda.Target;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses engines for operation graphs, each graph once: layers of the same extents share a plan.
 */
class Planner implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Planner.class);

  /** Which engines are right for a graph. */
  enum Arithmetic {
    /** Sums of products: the precision decides which engines may compute them. */
    PRODUCTS,
    /** No products of tensors; every engine computes in single precision. */
    PLAIN
  }

  /** Ends planning ahead where engines must be timed first, which one thread does alone. */
  private static final class Untimed extends RuntimeException {
    private static final long serialVersionUID = 1;

    Untimed(String key) {
      super(key, null, false, false);
    }
  }

  /** The calling thread's own; handles of cuDNN must not be shared. */
  private final ThreadLocal<Target> target;

  private final CudnnOptions options;
  private final PlanCache cache;
  private final PlanWorkers workers;
  private final Map<String, Object> locks = new ConcurrentHashMap<>();
  private final Map<String, Planned> planned = new ConcurrentHashMap<>();
  private final Map<String, String> refused = new ConcurrentHashMap<>();
  private final Object device = new Object();
  private Trial trial;
  private DeviceLimits limits;
  private volatile boolean ahead;
  private CudaException lost;

  /**
   * Plans for a device.
   *
   * @param workers make plans, too; closed with this
   */
  Planner(Target target, CudnnOptions options, PlanCache cache, PlanWorkers workers) {
    this.target = ThreadLocal.withInitial(() -> target);
    this.options = options;
    this.cache = cache;
    this.workers = workers;
  }

  /** From now on engines are taken that have run on the device. */
  void tryOn(Trial clock) {
    trial = clock;
  }

  /**
   * Makes the engines of several ops at the same time. Each graph gets the engine that it would
   * have got in its turn; what fails, or must be timed, is left for then.
   */
  void ahead(List<Runnable> plannings) {
    ahead = true;
    try {
      workers.run(plannings.stream().map(this::withOwn).toList());
    } catch (CudaException e) {
      if (e.kind() == CudaException.Kind.LOST) {
        throw e;
      }
      LOG.warn("Engines are made one by one: {}", e.getMessage());
    } finally {
      ahead = false;
    }
  }

  private Consumer<Target> withOwn(Runnable planning) {
    return own -> {
      target.set(own);
      try {
        planning.run();
      } catch (RuntimeException e) {
        if (e instanceof CudaException cuda && cuda.kind() == CudaException.Kind.LOST) {
          throw e;
        }
        LOG.debug("Left for later: {}", e.getMessage());
      } finally {
        target.remove();
      }
    };
  }

  /** Says what the launches of our own kernels depend on. */
  Planner with(DeviceLimits device) {
    limits = device;
    return this;
  }

  /** Where the calling thread plans. */
  Target target() {
    return target.get();
  }

  CudnnOptions options() {
    return options;
  }

  PlanCache cache() {
    return cache;
  }

  PlanWorkers workers() {
    return workers;
  }

  Trial trial() {
    return trial;
  }

  Path cacheFolder() {
    return options.cache();
  }

  DeviceLimits limits() {
    return limits;
  }

  static DataType dataType(DType type) {
    return switch (type) {
      case F32, TF32 -> DataType.F32;
      case BF16 -> DataType.BF16;
      case F16 -> DataType.F16;
      case U8, I8 -> DataType.I8;
      default ->
          throw new UnsupportedOperationException(
              "the gpu backend computes in F32, TF32, BF16, F16 and bytes, not in " + type);
    };
  }

  /**
   * The plan of a graph.
   *
   * @param key the graph in one line, without the type
   * @param build makes the graph
   * @return empty where cuDNN has no engine that the precision and the options allow
   */
  Optional<Planned> plan(String key, DType type, Arithmetic arithmetic, Consumer<Draft> build) {
    String full = full(key, type);
    synchronized (locks.computeIfAbsent(full, k -> new Object())) {
      Planned known = planned.get(full);
      return known != null || refused.containsKey(full)
          ? Optional.ofNullable(known)
          : make(full, type, arithmetic, build);
    }
  }

  private Optional<Planned> make(
      String full, DType type, Arithmetic arithmetic, Consumer<Draft> build) {
    Draft draft = new Draft(type);
    try {
      build.accept(draft);
      Selection selection = new Selection(this, full, draft, forbidden(type, arithmetic));
      Optional<Planned> found = selection.engine();
      if (found.isPresent()) {
        planned.put(full, found.get());
        LOG.info("{}: {}", full, found.get().choice().text());
      } else {
        draft.graph.close();
        refused.put(
            full,
            selection
                .refusal()
                .orElse(
                    "cuDNN proposes none that the precision, --deterministic and --workspace"
                        + " allow"));
      }
      return found;
    } catch (CudaException | Untimed e) {
      draft.graph.close();
      if (e instanceof CudaException refusal
          && refusal.kind() == CudaException.Kind.NOT_SUPPORTED) {
        LOG.info("{}: {}", full, refusal.getMessage());
        refused.put(full, refusal.getMessage());
        return Optional.empty();
      }
      throw e;
    }
  }

  private static String full(String key, DType type) {
    return type + " " + key;
  }

  /** Why {@link #plan} found no engine for a graph: the first reason that cuDNN gave. */
  Optional<String> refusal(String key, DType type) {
    return Optional.ofNullable(refused.get(full(key, type)));
  }

  /** Whether training computes as much together as that, where it can. */
  boolean fuses(CudnnOptions.Fusion least) {
    return options.fusion().compareTo(least) >= 0;
  }

  /** Whether gradients of weights are computed beside the rest. */
  boolean besides() {
    return options.streams() > 1;
  }

  /** Whether engines are chosen by their times. */
  boolean races() {
    return options.tuning() == Tuning.RACE && trial != null;
  }

  /** Milliseconds of a kernel of ours; NaN where nothing is timed. */
  double milliseconds(KernelTrial kernel) {
    return remembered(
        full(kernel.key() + " by a kernel", kernel.type()),
        kernel.bytes(),
        () -> trial.milliseconds(kernel));
  }

  /**
   * Milliseconds of what a plan of our kernels launches in one direction of an op; NaN where
   * nothing is timed.
   *
   * @param engine what computes the same
   */
  double milliseconds(Choice engine, Supplier<GpuPlan> kernels, Phase direction) {
    return remembered(
        engine.graph() + " by kernels",
        engine.bytes(),
        () -> trial.milliseconds(kernels.get(), direction));
  }

  private double remembered(String key, long bytes, DoubleSupplier timing) {
    if (!races()) {
      return Double.NaN;
    }
    Optional<PlanCache.Entry> remembered = cache.get(key);
    if (remembered.isPresent()) {
      return remembered.get().milliseconds();
    }
    leaveUntimed(key);
    double time = timing.getAsDouble();
    if (!Double.isNaN(time)) {
      cache.put(key, new Choice(key, 0, 0, 1, false, false, 0, bytes, time));
    }
    return time;
  }

  /** Runs an engine, where there is a device: one at a time, and none after the device was lost. */
  void runOnce(Planned made) {
    if (trial == null) {
      return;
    }
    synchronized (device) {
      if (lost != null) {
        throw lost;
      }
      try {
        trial.run(made);
      } catch (CudaException e) {
        lost = e.kind() == CudaException.Kind.LOST ? e : null;
        throw e;
      }
    }
  }

  /** Leaves what must be timed for later, when one thread alone plans. */
  void leaveUntimed(String key) {
    if (ahead) {
      throw new Untimed(key);
    }
  }

  /** Whether an engine may be one that is compiled for its graph, without being timed. */
  boolean compiles() {
    return options.tuning() != Tuning.OFF;
  }

  private Set<Note> forbidden(DType type, Arithmetic arithmetic) {
    Set<Note> notes = EnumSet.noneOf(Note.class);
    if (options.results() == CudnnOptions.Results.DETERMINISTIC) {
      notes.add(Note.NONDETERMINISTIC);
    }
    if (arithmetic == Arithmetic.PRODUCTS) {
      notes.addAll(EnumSet.of(Note.REDUCED_PRECISION_SUMS, Note.FFT, Note.WINOGRAD));
      if (type == DType.F32) {
        notes.addAll(EnumSet.of(Note.TENSOR_CORE, Note.DOWN_CONVERTS));
      }
    }
    return notes;
  }

  @Override
  public void close() {
    planned.values().forEach(Planned::close);
    planned.clear();
    workers.close();
  }
}
