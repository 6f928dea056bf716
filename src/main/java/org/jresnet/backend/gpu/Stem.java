package org.jresnet.backend.gpu;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.OpSpec;
import org.jresnet.base.Named;

/** The first convolution of a network, which two plans can compute. */
final class Stem {
  /** How. */
  enum Way implements Named {
    /** As it is written, by engines for few channels. */
    PLAIN,
    /** Over blocks of pixels, see {@link BlockedConvPlan}. */
    BLOCKED
  }

  private final Planner planner;
  private final OpSpec spec;
  private final Map<Way, GpuPlan> plans = new EnumMap<>(Way.class);
  private final Map<Way, String> refused = new EnumMap<>(Way.class);

  private Stem(Planner planner, OpSpec spec) {
    this.planner = planner;
    this.spec = spec;
    for (Way way : Way.values()) {
      try {
        plans.put(
            way,
            way == Way.PLAIN ? new ConvPlan(planner, spec) : new BlockedConvPlan(planner, spec));
      } catch (UnsupportedOperationException e) {
        refused.put(way, e.getMessage());
      }
    }
  }

  /**
   * The plan of an op that {@link BlockedConvPlan#suits}: that way if one is asked for, else the
   * faster one where both were timed, else the plain one if there is one.
   *
   * @throws UnsupportedOperationException where cuDNN has no engines for it
   */
  static GpuPlan plan(Planner planner, OpSpec spec, Optional<Way> asked) {
    return new Stem(planner, spec).choose(asked);
  }

  private GpuPlan choose(Optional<Way> asked) {
    Way way = asked.orElseGet(this::best);
    GpuPlan plan = plans.get(way);
    if (plan == null) {
      throw new UnsupportedOperationException(refused.get(way));
    }
    return plan.among(forms(way));
  }

  private Way best() {
    if (plans.containsKey(Way.PLAIN) && plans.containsKey(Way.BLOCKED)) {
      return milliseconds(Way.BLOCKED) < milliseconds(Way.PLAIN) ? Way.BLOCKED : Way.PLAIN;
    }
    return plans.containsKey(Way.BLOCKED) ? Way.BLOCKED : Way.PLAIN;
  }

  /** Of all engines and of what makes blocks; NaN, which is less than nothing, if not timed. */
  private double milliseconds(Way way) {
    double engines = plans.get(way).choices().stream().mapToDouble(Choice::milliseconds).sum();
    return plans.get(way) instanceof BlockedConvPlan blocked
        ? engines + planner.milliseconds(blocked.blocking())
        : engines;
  }

  private List<Form> forms(Way chosen) {
    List<Form> forms = new ArrayList<>();
    for (Way way : Way.values()) {
      boolean able = plans.containsKey(way);
      forms.add(
          new Form(
              "stem " + GpuPlan.text(spec.x()) + " to " + GpuPlan.text(spec.y()),
              way.id(),
              able ? Optional.of(plans.get(way).choices().get(0)) : Optional.empty(),
              Optional.ofNullable(refused.get(way)),
              able ? milliseconds(way) : Double.NaN,
              way == chosen));
    }
    return forms;
  }
}
