package org.jresnet.backend.gpu;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Tuning;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.cuda.CudaException;
import org.jresnet.nativebindings.cuda.CudnnPlan;
import org.jresnet.nativebindings.cuda.DataType;
import org.jresnet.nativebindings.cuda.EngineConfig;
import org.jresnet.nativebindings.cuda.EngineConfig.Note;
import org.jresnet.nativebindings.cuda.OpGraph.Heuristic;
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

  private final Target target;
  private final CudnnOptions options;
  private final PlanCache cache;
  private final Map<String, Planned> planned = new LinkedHashMap<>();
  private final Map<String, String> refused = new LinkedHashMap<>();
  private Trial trial;
  private PlanWorkers workers;
  private DeviceLimits limits;

  Planner(Target target, CudnnOptions options, PlanCache cache) {
    this.target = target;
    this.options = options;
    this.cache = cache;
  }

  /** From now on engines are taken that have run on the device; {@code makers} make them. */
  void tryOn(Trial device, PlanWorkers makers) {
    trial = device;
    workers = makers;
  }

  /** Says what the launches of our own kernels depend on. */
  Planner with(DeviceLimits device) {
    limits = device;
    return this;
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
    Planned known = planned.get(full);
    if (known != null || refused.containsKey(full)) {
      return Optional.ofNullable(known);
    }
    Draft draft = new Draft(type);
    try {
      build.accept(draft);
      Optional<Planned> found = choose(full, draft, forbidden(type, arithmetic));
      if (found.isPresent()) {
        planned.put(full, found.get());
        refused.remove(full);
        LOG.info("{}: {}", full, found.get().choice().text());
      } else {
        draft.graph.close();
        refused.putIfAbsent(
            full, "cuDNN proposes none that the precision, --deterministic and --workspace allow");
      }
      return found;
    } catch (CudaException e) {
      draft.graph.close();
      if (e.kind() == CudaException.Kind.NOT_SUPPORTED) {
        refuse(full, e);
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

  private void refuse(String full, CudaException e) {
    LOG.info("{}: {}", full, e.getMessage());
    refused.putIfAbsent(full, e.getMessage());
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
    double time = timing.getAsDouble();
    if (!Double.isNaN(time)) {
      cache.put(key, new Choice(key, 0, 0, 1, false, false, 0, bytes, time));
    }
    return time;
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

  private Optional<Planned> choose(String key, Draft draft, Set<Note> forbidden) {
    for (Heuristic heuristic : Heuristic.values()) {
      List<EngineConfig> allowed = new ArrayList<>();
      for (EngineConfig config : proposals(key, draft, heuristic)) {
        if (config.notes().stream().noneMatch(forbidden::contains)) {
          allowed.add(config);
        }
      }
      if (options.tuning() == Tuning.OFF) {
        // A stable sort: what is ready comes first, in cuDNN's order.
        allowed.sort(
            Comparator.comparing(config -> config.notes().contains(Note.COMPILED_AT_RUNTIME)));
      }
      Optional<Planned> found =
          races() ? fastest(key, draft, allowed, heuristic) : first(key, draft, allowed, heuristic);
      if (found.isPresent()) {
        return found;
      }
    }
    return Optional.empty();
  }

  private List<EngineConfig> proposals(String key, Draft draft, Heuristic heuristic) {
    try {
      return draft.graph.engines(target, heuristic);
    } catch (CudaException e) {
      if (e.kind() == CudaException.Kind.LOST || !draft.graph.finished()) {
        throw e;
      } else if (e.kind() == CudaException.Kind.NOT_SUPPORTED) {
        refuse(key, e);
        return List.of();
      }
      LOG.warn("{}: cuDNN proposes nothing by {}: {}", key, heuristic, e.getMessage());
      return List.of();
    }
  }

  private Optional<Planned> first(
      String key, Draft draft, List<EngineConfig> allowed, Heuristic heuristic) {
    for (int i = 0; i < allowed.size(); i++) {
      Optional<Planned> planned = working(key, draft, allowed, i, heuristic, Double.NaN);
      if (planned.isPresent()) {
        return planned;
      }
    }
    return Optional.empty();
  }

  /** The candidate as a plan that has run once, where there is a device. */
  private Optional<Planned> working(
      String key,
      Draft draft,
      List<EngineConfig> allowed,
      int at,
      Heuristic heuristic,
      double milliseconds) {
    EngineConfig config = allowed.get(at);
    CudnnPlan plan = null;
    try {
      plan = config.plan(target);
      if (fits(plan)) {
        Planned made = planned(key, draft, plan, at, allowed.size(), heuristic, milliseconds);
        if (trial != null) {
          trial.run(made);
        }
        return Optional.of(made);
      }
    } catch (CudaException e) {
      leaveOut(key, config, e);
    }
    if (plan != null) {
      plan.close();
    }
    return Optional.empty();
  }

  private boolean fits(CudnnPlan plan) {
    return plan.workspaceBytes() <= options.workspaceBytes();
  }

  /** Says why a candidate is none; with a lost device nothing else would work either. */
  private void leaveOut(String key, EngineConfig config, CudaException e) {
    if (e.kind() == CudaException.Kind.LOST) {
      throw e;
    } else if (e.kind() == CudaException.Kind.NOT_SUPPORTED) {
      LOG.info("{}: engine {} cannot: {}", key, config.engine(), e.getMessage());
      refused.putIfAbsent(key, e.getMessage());
    } else {
      LOG.warn("{}: engine {} fails and is left out: {}", key, config.engine(), e.getMessage());
    }
  }

  private Optional<Planned> fastest(
      String key, Draft draft, List<EngineConfig> allowed, Heuristic heuristic) {
    Optional<PlanCache.Entry> remembered = cache.get(key);
    if (remembered.isPresent()) {
      int at = remembered.get().candidate();
      if (at < allowed.size() && allowed.get(at).engine() == remembered.get().engine()) {
        double time = remembered.get().milliseconds();
        Optional<Planned> planned = working(key, draft, allowed, at, heuristic, time);
        if (planned.isPresent()) {
          return planned;
        }
      }
    }
    Planned best = null;
    List<PlanWorkers.Made> made = workers.make(allowed);
    for (int i = 0; i < made.size(); i++) {
      CudnnPlan plan = made.get(i).plan();
      CudaException failure = made.get(i).failure();
      double time = Double.NaN;
      if (plan != null && fits(plan)) {
        try {
          time =
              trial.milliseconds(
                  planned(key, draft, plan, i, allowed.size(), heuristic, Double.NaN));
        } catch (CudaException e) {
          failure = e;
        }
      }
      if (failure != null) {
        leaveOut(key, allowed.get(i), failure);
      }
      boolean works = plan != null && failure == null && fits(plan);
      if (works && (best == null || time < best.choice().milliseconds())) {
        if (best != null) {
          best.plan().close();
        }
        best = planned(key, draft, plan, i, allowed.size(), heuristic, time);
      } else if (plan != null) {
        plan.close();
      }
    }
    if (best != null && !Double.isNaN(best.choice().milliseconds())) {
      cache.put(key, best.choice());
    }
    return Optional.ofNullable(best);
  }

  private static Planned planned(
      String key,
      Draft draft,
      CudnnPlan plan,
      int candidate,
      int proposals,
      Heuristic heuristic,
      double milliseconds) {
    EngineConfig config = plan.config();
    Choice choice =
        new Choice(
            key,
            config.engine(),
            candidate,
            proposals,
            heuristic == Heuristic.FALLBACK,
            config.notes().contains(Note.COMPILED_AT_RUNTIME),
            plan.workspaceBytes(),
            draft.graph.bytes(),
            milliseconds);
    return new Planned(draft.graph, draft.values, plan, choice);
  }

  @Override
  public void close() {
    planned.values().forEach(Planned::close);
    planned.clear();
  }
}
