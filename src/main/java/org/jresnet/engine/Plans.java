package org.jresnet.engine;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.backend.OpPlan;
import org.jresnet.base.Closing;
import org.jresnet.engine.Executable.PlanLine;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How the groups of an executable are computed, in forward order. */
final class Plans implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Plans.class);

  private final List<OpPlan> plans = new ArrayList<>();
  private final List<PlanLine> lines = new ArrayList<>();

  /**
   * Asks the backend for all of them.
   *
   * @throws UnsupportedOperationException when it cannot compute a group, naming it
   */
  Plans(Backend backend, List<Group> groups) {
    try {
      backend.planAhead(groups.stream().map(Group::spec).toList());
      groups.forEach(group -> plan(backend, group));
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private void plan(Backend backend, Group group) {
    try {
      OpPlan made = backend.plan(group.spec());
      plans.add(made);
      PlanLine line =
          new PlanLine(
              group.name(),
              group.spec(),
              made.implementation(),
              made.savedBytes(),
              made.scratchBytes());
      lines.add(line);
      LOG.info(
          "{} ({}): {}, saved {} B, scratch {} B",
          line.name(),
          line.spec().kind(),
          line.implementation(),
          line.savedBytes(),
          line.scratchBytes());
    } catch (UnsupportedOperationException e) {
      throw new UnsupportedOperationException(group.name() + ": " + e.getMessage(), e);
    }
  }

  OpPlan get(int group) {
    return plans.get(group);
  }

  /** Scratch memory that serves each of them in turn. */
  long scratchBytes() {
    return plans.stream().mapToLong(OpPlan::scratchBytes).max().orElse(0);
  }

  /** Scratch memory of what is computed beside the rest. */
  long asideBytes() {
    return plans.stream().mapToLong(OpPlan::asideBytes).max().orElse(0);
  }

  List<PlanLine> lines() {
    return List.copyOf(lines);
  }

  /** Whether these can compute with the weights that those have packed; both may be closed. */
  boolean packLike(Plans others) {
    if (plans.size() != others.plans.size()) {
      return false;
    }
    for (int g = 0; g < plans.size(); g++) {
      if (!plans.get(g).packsLike(others.plans.get(g))) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() {
    Closing.closeAll(plans);
  }
}
