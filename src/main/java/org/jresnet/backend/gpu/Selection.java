package org.jresnet.backend.gpu;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jresnet.backend.Tuning;
import org.jresnet.nativebindings.cuda.CudaException;
import org.jresnet.nativebindings.cuda.CudnnPlan;
import org.jresnet.nativebindings.cuda.EngineConfig;
import org.jresnet.nativebindings.cuda.EngineConfig.Note;
import org.jresnet.nativebindings.cuda.OpGraph.Heuristic;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Chooses one of the engines that cuDNN proposes for a graph. */
final class Selection {
  private static final Logger LOG = LoggerFactory.getLogger(Selection.class);

  private final Planner planner;
  private final String key;
  private final Draft draft;
  private final Set<Note> forbidden;
  private Optional<String> refusal = Optional.empty();

  /** Engines of one kind of proposal that may be taken, best guess first. */
  private record Candidates(List<EngineConfig> configs, Heuristic heuristic) {}

  /**
   * A choice that is yet to be made.
   *
   * @param key names the graph in the log and among measured choices
   * @param draft the graph
   * @param forbidden what no engine may be like
   */
  Selection(Planner planner, String key, Draft draft, Set<Note> forbidden) {
    this.planner = planner;
    this.key = key;
    this.draft = draft;
    this.forbidden = forbidden;
  }

  /** The first reason that cuDNN gave for an engine, or the graph, that is not supported. */
  Optional<String> refusal() {
    return refusal;
  }

  /** The engine; empty where none computes the graph. */
  Optional<Planned> engine() {
    for (Heuristic heuristic : Heuristic.values()) {
      Candidates candidates = new Candidates(allowed(heuristic), heuristic);
      Optional<Planned> found = planner.races() ? fastest(candidates) : first(candidates);
      if (found.isPresent()) {
        return found;
      }
    }
    return Optional.empty();
  }

  private List<EngineConfig> allowed(Heuristic heuristic) {
    List<EngineConfig> allowed = new ArrayList<>();
    for (EngineConfig config : proposals(heuristic)) {
      if (config.notes().stream().noneMatch(forbidden::contains)) {
        allowed.add(config);
      }
    }
    if (planner.options().tuning() == Tuning.OFF) {
      // A stable sort: what is ready comes first, in cuDNN's order.
      allowed.sort(
          Comparator.comparing(config -> config.notes().contains(Note.COMPILED_AT_RUNTIME)));
    }
    return allowed;
  }

  private List<EngineConfig> proposals(Heuristic heuristic) {
    try {
      return draft.graph.engines(planner.target(), heuristic);
    } catch (CudaException e) {
      if (e.kind() == CudaException.Kind.LOST || !draft.graph.finished()) {
        throw e;
      } else if (e.kind() == CudaException.Kind.NOT_SUPPORTED) {
        LOG.info("{}: {}", key, e.getMessage());
        refused(e);
        return List.of();
      }
      LOG.warn("{}: cuDNN proposes nothing by {}: {}", key, heuristic, e.getMessage());
      return List.of();
    }
  }

  private void refused(CudaException e) {
    refusal = refusal.or(() -> Optional.of(e.getMessage()));
  }

  private Optional<Planned> first(Candidates candidates) {
    for (int i = 0; i < candidates.configs.size(); i++) {
      Optional<Planned> planned = working(candidates, i, Double.NaN);
      if (planned.isPresent()) {
        return planned;
      }
    }
    return Optional.empty();
  }

  /** The candidate as a plan that has run once, where there is a device. */
  private Optional<Planned> working(Candidates candidates, int at, double milliseconds) {
    EngineConfig config = candidates.configs.get(at);
    CudnnPlan plan = null;
    try {
      plan = config.plan(planner.target());
      if (fits(plan)) {
        Planned made = planned(candidates, at, plan, milliseconds);
        planner.runOnce(made);
        return Optional.of(made);
      }
    } catch (CudaException e) {
      leaveOut(config, e);
    }
    if (plan != null) {
      plan.close();
    }
    return Optional.empty();
  }

  private boolean fits(CudnnPlan plan) {
    return plan.workspaceBytes() <= planner.options().workspaceBytes();
  }

  /** Says why a candidate is none; with a lost device nothing else would work either. */
  private void leaveOut(EngineConfig config, CudaException e) {
    if (e.kind() == CudaException.Kind.LOST) {
      throw e;
    } else if (e.kind() == CudaException.Kind.NOT_SUPPORTED) {
      LOG.info("{}: engine {} cannot: {}", key, config.engine(), e.getMessage());
      refused(e);
    } else {
      LOG.warn("{}: engine {} fails and is left out: {}", key, config.engine(), e.getMessage());
    }
  }

  private Optional<Planned> fastest(Candidates candidates) {
    Optional<Planned> known = remembered(candidates);
    if (known.isPresent()) {
      return known;
    }
    planner.leaveUntimed(key);
    Planned best = null;
    List<PlanWorkers.Made> made = planner.workers().make(candidates.configs);
    for (int i = 0; i < made.size(); i++) {
      CudnnPlan plan = made.get(i).plan();
      CudaException failure = made.get(i).failure();
      double time = Double.NaN;
      if (plan != null && fits(plan)) {
        try {
          time = planner.trial().milliseconds(planned(candidates, i, plan, Double.NaN));
        } catch (CudaException e) {
          failure = e;
        }
      }
      if (failure != null) {
        leaveOut(candidates.configs.get(i), failure);
      }
      boolean works = plan != null && failure == null && fits(plan);
      if (works && (best == null || time < best.choice().milliseconds())) {
        if (best != null) {
          best.plan().close();
        }
        best = planned(candidates, i, plan, time);
      } else if (plan != null) {
        plan.close();
      }
    }
    if (best != null && !Double.isNaN(best.choice().milliseconds())) {
      planner.cache().put(key, best.choice());
    }
    return Optional.ofNullable(best);
  }

  /** The choice of an earlier run, if it is still among the candidates. */
  private Optional<Planned> remembered(Candidates candidates) {
    return planner
        .cache()
        .get(key)
        .filter(e -> e.candidate() < candidates.configs.size())
        .filter(e -> candidates.configs.get(e.candidate()).engine() == e.engine())
        .flatMap(e -> working(candidates, e.candidate(), e.milliseconds()));
  }

  private Planned planned(Candidates candidates, int at, CudnnPlan plan, double milliseconds) {
    EngineConfig config = plan.config();
    Choice choice =
        new Choice(
            key,
            config.engine(),
            at,
            candidates.configs.size(),
            candidates.heuristic == Heuristic.FALLBACK,
            config.notes().contains(Note.COMPILED_AT_RUNTIME),
            plan.workspaceBytes(),
            draft.graph.bytes(),
            milliseconds);
    return new Planned(draft.graph, draft.values, plan, choice);
  }
}
