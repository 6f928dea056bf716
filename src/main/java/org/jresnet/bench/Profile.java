package org.jresnet.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Contest;
import org.jresnet.backend.OpCall;
import org.jresnet.backend.Phase;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Executable.NamedCall;
import org.jresnet.engine.OptimizerState;

/**
 * Time of every call in real steps. Each step runs all calls in their order, so that caches are as
 * warm as in training, and each call's time is the median over the steps.
 *
 * @param lines one per call, in the order of execution
 */
public record Profile(List<Line> lines) {
  private static final int WARM_UPS = 2;

  /**
   * One call.
   *
   * @param node the network's node, or input, loss, optimizer
   * @param kind of the node
   * @param phase when it runs
   * @param operation what is computed for it
   * @param implementation the library's name of how
   * @param seconds median
   * @param flops floating-point operations, 0 for elementwise work
   * @param bytes least memory traffic
   * @param race how the implementation was chosen, where candidates were timed
   */
  public record Line(
      String node,
      String kind,
      Phase phase,
      String operation,
      String implementation,
      double seconds,
      long flops,
      long bytes,
      Optional<Contest> race) {
    /** FLOP per second. */
    public double flopsPerSecond() {
      return flops / seconds;
    }

    /** Bytes per second. */
    public double bytesPerSecond() {
      return bytes / seconds;
    }
  }

  /** Copies the lines. */
  public Profile {
    lines = List.copyOf(lines);
  }

  /**
   * Runs and times steps.
   *
   * @param optimizer updates the parameters with a rate of 0 at the end of each step, if given
   * @param steps at least 1
   */
  public static Profile measure(
      Executable executable,
      Optional<OptimizerState> optimizer,
      byte[] pixels,
      int[] labels,
      int steps) {
    Backend backend = executable.model().backend();
    List<NamedCall> calls = new ArrayList<>(executable.calls(pixels, labels));
    optimizer.ifPresent(o -> calls.addAll(optimizerCalls(executable, o)));
    executable.parametersChanged();
    run(executable, pixels, labels);
    double[][] seconds = new double[calls.size()][steps];
    for (int s = -WARM_UPS; s < steps; s++) {
      for (int c = 0; c < calls.size(); c++) {
        long start = System.nanoTime();
        calls.get(c).call().body().run();
        backend.synchronize();
        if (s >= 0) {
          seconds[c][s] = (System.nanoTime() - start) / 1e9;
        }
      }
    }
    Map<String, List<Contest>> contests = new HashMap<>();
    executable.plan().forEach(line -> contests.put(line.name(), backend.contests(line.spec())));
    List<Line> lines = new ArrayList<>();
    for (int c = 0; c < calls.size(); c++) {
      OpCall call = calls.get(c).call();
      Arrays.sort(seconds[c]);
      lines.add(
          new Line(
              calls.get(c).node(),
              calls.get(c).kind(),
              call.phase(),
              call.operation(),
              call.implementation(),
              seconds[c][steps / 2],
              call.flops(),
              call.bytes(),
              contests.getOrDefault(calls.get(c).node(), List.of()).stream()
                  .filter(contest -> contest.raced() && contest.decides(call))
                  .findFirst()));
    }
    return new Profile(lines);
  }

  private static void run(Executable executable, byte[] pixels, int[] labels) {
    if (labels.length > 0) {
      executable.step(pixels, labels);
    } else {
      executable.infer(pixels);
    }
  }

  private static List<NamedCall> optimizerCalls(Executable executable, OptimizerState optimizer) {
    long arena = executable.model().parameters().bytes();
    // The update reads parameters, gradients and states, and writes all but the gradients.
    long traffic = (3 + 2L * optimizer.rule().states()) * arena;
    return List.of(
        new NamedCall(
            "optimizer",
            "optimizer",
            new OpCall(Phase.BACKWARD, "gradient norm", "java", 0, arena, optimizer::gradientNorm)),
        new NamedCall(
            "optimizer",
            "optimizer",
            new OpCall(Phase.BACKWARD, "update", "java", 0, traffic, () -> optimizer.step(0, 1))));
  }

  /** Seconds of a whole step. */
  public double seconds() {
    return lines.stream().mapToDouble(Line::seconds).sum();
  }

  /** Sums by kind of node and operation, largest first. */
  public List<Line> byKind() {
    Map<String, List<Line>> kinds = new LinkedHashMap<>();
    for (Line line : lines) {
      kinds.computeIfAbsent(line.kind() + " " + line.operation(), k -> new ArrayList<>()).add(line);
    }
    return kinds.values().stream()
        .map(
            of ->
                new Line(
                    of.get(0).kind() + " " + of.get(0).operation(),
                    of.get(0).kind(),
                    of.get(0).phase(),
                    of.get(0).operation(),
                    of.size() + " calls",
                    of.stream().mapToDouble(Line::seconds).sum(),
                    of.stream().mapToLong(Line::flops).sum(),
                    of.stream().mapToLong(Line::bytes).sum(),
                    Optional.empty()))
        .sorted(Comparator.comparingDouble(Line::seconds).reversed())
        .toList();
  }
}
