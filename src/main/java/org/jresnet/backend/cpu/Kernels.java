package org.jresnet.backend.cpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jresnet.backend.Contest;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Tuning;
import org.jresnet.base.Closing;
import org.jresnet.graph.Conv2d;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses who computes an op: oneDNN, or a kernel of our own that won the race on this machine. To
 * add a kernel, write its plan and name it in {@link #candidates}.
 */
final class Kernels {
  private static final Logger LOG = LoggerFactory.getLogger(Kernels.class);

  /** Of our kernels. Raise it when one changes, and every machine runs its races again. */
  static final int VERSION = 3;

  /**
   * Work from which on a race is worth its time, some tens of milliseconds, for kernels that run on
   * threads of our own.
   */
  private static final long WORTHWHILE = 200_000_000;

  /** The same for another call of oneDNN, which needs no other threads. */
  private static final long WORTHWHILE_ALIKE = 25_000_000;

  /**
   * Multiply-accumulates in the time that a value of the input or the output takes. Shorter calls
   * win a race and lose in a step, where oneDNN's threads still spin on the cores that ours want:
   * with 128 here ShuffleNetV2 trained 8 % slower than with oneDNN alone.
   */
  private static final long WORK_OF_VALUE = 48;

  /**
   * Multiply-accumulates of a dense convolution in the time that oneDNN takes for one in groups of
   * few channels: 45 of 220 GFLOP/s were measured for groups of 8.
   */
  private static final long WORK_IN_GROUPS = 5;

  private final CpuBackend backend;
  private final CpuOptions options;
  private final Choices choices;
  private boolean announced;
  private final Optional<OwnKernels> own;
  private final Function<OpSpec, OpPlan> library;

  /**
   * Chooses among that library's plans and our own.
   *
   * @param own empty where the Vector API is missing
   * @param machine all that changes who wins
   */
  Kernels(
      CpuBackend backend,
      CpuOptions options,
      Optional<OwnKernels> own,
      String machine,
      Function<OpSpec, OpPlan> library) {
    this.backend = backend;
    this.options = options;
    this.own = own;
    this.library = library;
    choices = new Choices(options.cache(), machine);
  }

  /** Who could compute a part; the library comes first. */
  List<Candidate> candidates(Part part) {
    List<Candidate> all = new ArrayList<>();
    all.add(new Candidate(Candidate.LIBRARY, 0, () -> library.apply(part.spec())));
    own.ifPresent(
        kernels -> {
          OpSpec spec = part.spec();
          if (options.winograd() && WinogradPlan.suits(part)) {
            add(all, "winograd", WORTHWHILE, () -> new WinogradPlan(kernels, spec));
          }
          if (DirectWeightsPlan.suits(part)) {
            add(all, "direct", WORTHWHILE, () -> new DirectWeightsPlan(kernels, spec));
          }
          if (GroupedConvPlan.suits(part)) {
            add(all, "grouped", WORTHWHILE, () -> new GroupedConvPlan(kernels, spec));
          }
          if (FlippedConvPlan.suits(part)) {
            add(all, "flipped", WORTHWHILE_ALIKE, () -> new FlippedConvPlan(kernels.dnn(), spec));
          }
          if (ProductWeightsPlan.suits(part)) {
            add(
                all,
                "product",
                WORTHWHILE_ALIKE,
                () -> new ProductWeightsPlan(kernels.dnn(), spec));
          }
        });
    return all;
  }

  private static void add(List<Candidate> all, String name, long from, Supplier<OpPlan> plan) {
    all.add(new Candidate(name, from, plan));
  }

  /** The plan of the winners. */
  OpPlan plan(OpSpec spec) {
    if (own.isEmpty() || options.tuning() == Tuning.OFF) {
      return library.apply(spec);
    }
    List<Part> parts = Part.of(spec);
    return plan(spec, parts, parts.stream().map(this::winner).toList());
  }

  /** Who could compute each part of an op, and how they did. */
  List<Contest> contests(OpSpec spec) {
    return Part.of(spec).stream()
        .map(
            part ->
                new Contest(
                    part.key(),
                    part.operation(),
                    part.spec(),
                    part.phases(),
                    candidates(part).stream().map(Candidate::name).toList(),
                    choices.used().getOrDefault(part.key(), Candidate.LIBRARY),
                    choices.times(part.key())))
        .toList();
  }

  /** Milliseconds of each candidate that computes the part; remembers nothing. */
  Map<String, Double> race(Part part) {
    return Race.run(backend, part, candidates(part));
  }

  /** The plan of that candidate, for each part that it can compute. */
  OpPlan plan(OpSpec spec, String candidate) {
    List<Part> parts = Part.of(spec);
    List<Candidate> chosen =
        parts.stream()
            .map(this::candidates)
            .map(
                all ->
                    all.stream()
                        .filter(c -> c.name().equals(candidate))
                        .findFirst()
                        .orElse(all.get(0)))
            .toList();
    return plan(spec, parts, chosen);
  }

  private OpPlan plan(OpSpec spec, List<Part> parts, List<Candidate> winners) {
    if (winners.stream().allMatch(w -> w.name().equals(Candidate.LIBRARY))) {
      return library.apply(spec);
    }
    List<OpPlan> plans = new ArrayList<>();
    try {
      winners.forEach(winner -> plans.add(winner.plan().get()));
    } catch (RuntimeException e) {
      Closing.closeAll(plans);
      throw e;
    }
    return new SplitPlan(spec, parts, plans);
  }

  private static long work(OpSpec spec) {
    boolean groups = spec.op() instanceof Conv2d conv && conv.groups() > 1;
    return Math.max(
        (groups ? WORK_IN_GROUPS : 1) * spec.macs(),
        WORK_OF_VALUE * (spec.x().elements() + spec.y().elements()));
  }

  private Candidate winner(Part part) {
    long work = work(part.spec());
    List<Candidate> all = candidates(part).stream().filter(c -> c.from() <= work).toList();
    String contest = part.key();
    if (all.size() == 1) {
      return all.get(0);
    }
    if (choices.winner(contest).isEmpty()) {
      announce();
      choices.put(contest, Race.run(backend, part, all));
    }
    String name = choices.winner(contest).orElseThrow();
    Optional<Candidate> winner = all.stream().filter(c -> c.name().equals(name)).findFirst();
    if (winner.isEmpty()) {
      LOG.warn(
          "{} is not available here and {} computes instead, which may change the last bits: {}",
          name,
          Candidate.LIBRARY,
          contest);
    }
    choices.use(contest, winner.orElse(all.get(0)).name());
    return winner.orElse(all.get(0));
  }

  /** Makes choices stand that a run was started with. */
  void stand(Map<String, String> winners) {
    choices.stand(winners);
  }

  private void announce() {
    if (!announced) {
      announced = true;
      options
          .notes()
          .accept(
              "Timing implementations of these shapes, once on this machine (--tune off skips it)");
    }
  }

  /** Who computes what, by contest. */
  Map<String, String> used() {
    return choices.used();
  }
}
