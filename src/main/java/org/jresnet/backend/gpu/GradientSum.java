package org.jresnet.backend.gpu;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleSupplier;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jresnet.base.Named;

/**
 * How the gradient of a convolution's input is added to what another reader of that input has
 * written. What is there passes memory once more if the engine adds it, three times more if a
 * kernel does so behind the engine.
 */
final class GradientSum {
  /** Who adds, the one that moves least first. */
  enum Way implements Named {
    /** The engine for the gradient, whose result is {@code gradient + 1·dx}. */
    BETA,
    /** Gradient and addition, compiled as one. */
    FUSED,
    /** A kernel of ours, behind the engine for the gradient alone. */
    KERNEL
  }

  /** A way, its engine if there is one, and the time of all its kernels if that was measured. */
  private record Candidate(Way way, Optional<Planned> engine, double milliseconds) {}

  private final Function<Way, Optional<Planned>> engines;
  private final Planner planner;
  private final DoubleSupplier addition;

  /**
   * Looks at nothing yet.
   *
   * @param engines plans the engine of a way
   * @param addition milliseconds of the kernel that adds; NaN if they are not measured
   */
  GradientSum(Function<Way, Optional<Planned>> engines, Planner planner, DoubleSupplier addition) {
    this.engines = engines;
    this.planner = planner;
    this.addition = addition;
  }

  private Candidate candidate(Way way) {
    Optional<Planned> engine = engines.apply(way);
    double time = engine.map(e -> e.choice().milliseconds()).orElse(Double.NaN);
    return new Candidate(way, engine, way == Way.KERNEL ? time + addition.getAsDouble() : time);
  }

  /**
   * The fastest way where all that can be were timed, else the first whose engine is as good as
   * that of the gradient alone: not of last resort and, if engines are to be ready at once, not
   * compiled for its graph.
   */
  Way choose() {
    Candidate plain = candidate(Way.KERNEL);
    if (planner.races()) {
      List<Candidate> able = new ArrayList<>();
      for (Way way : Way.values()) {
        Candidate made = way == Way.KERNEL ? plain : candidate(way);
        if (made.engine.isPresent()) {
          able.add(made);
        }
      }
      if (!able.isEmpty() && able.stream().noneMatch(c -> Double.isNaN(c.milliseconds))) {
        return able.stream()
            .min(Comparator.comparingDouble(Candidate::milliseconds))
            .orElseThrow()
            .way;
      }
    }
    for (Way way : List.of(Way.BETA, Way.FUSED)) {
      if (engines.apply(way).filter(asGoodAs(plain)).isPresent()) {
        return way;
      }
    }
    return Way.KERNEL;
  }

  private Predicate<Planned> asGoodAs(Candidate plain) {
    boolean lastResort = plain.engine.map(e -> e.choice().fallback()).orElse(true);
    return e ->
        (lastResort || !e.choice().fallback()) && (planner.compiles() || !e.choice().compiled());
  }

  /** All ways; those that were not needed so far are planned now. */
  List<Form> forms(String part, Way chosen, Function<Way, Optional<String>> refusal) {
    List<Form> forms = new ArrayList<>();
    for (Way way : Way.values()) {
      Candidate made = candidate(way);
      Optional<String> why = made.engine.isPresent() ? Optional.empty() : refusal.apply(way);
      Optional<Choice> choice = made.engine.map(Planned::choice);
      forms.add(new Form(part, way.id(), choice, why, made.milliseconds, way == chosen));
    }
    return forms;
  }
}
