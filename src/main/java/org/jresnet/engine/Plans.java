package org.jresnet.engine;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.backend.OpPlan;
import org.jresnet.base.Closing;
import org.jresnet.engine.Executable.PlanLine;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a backend plans for the groups of a step; closed when all is bound. */
final class Plans implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Plans.class);

  private final List<OpPlan> plans = new ArrayList<>();
  private final List<PlanLine> lines = new ArrayList<>();

  /**
   * Plans all groups.
   *
   * @throws UnsupportedOperationException when the backend cannot compute one, naming it
   */
  Plans(Backend backend, List<Group> groups) {
    try {
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

  /** One for each group. */
  List<OpPlan> plans() {
    return plans;
  }

  /** What is told of them. */
  List<PlanLine> lines() {
    return lines;
  }

  @Override
  public void close() {
    Closing.closeAll(plans);
  }
}
