package org.jresnet.backend;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The implementations that can compute a part of an op, and how they did in a race on this machine.
 *
 * @param name the part with all that decides its time: {@code forward 3x3 s1 p1 64->64 norm relu,
 *     16x56x56x64 F32}
 * @param operation what the part computes: {@code forward}, {@code backward data}, {@code backward
 *     weights}; {@code inference} or {@code training} where it is the whole op
 * @param spec the op with the gradients that belong to the part
 * @param phases what of the op is computed
 * @param candidates names of the implementations, the library's first
 * @param winner which of them computes
 * @param milliseconds of those that were timed, by name; empty where there was no race
 */
public record Contest(
    String name,
    String operation,
    OpSpec spec,
    Set<Phase> phases,
    List<String> candidates,
    String winner,
    Map<String, Double> milliseconds) {
  /** Copies the collections. */
  public Contest {
    phases = Set.copyOf(phases);
    candidates = List.copyOf(candidates);
    milliseconds = Map.copyOf(milliseconds);
  }

  /** Whether candidates were timed against each other. */
  public boolean raced() {
    return milliseconds.size() > 1 && milliseconds.containsKey(winner);
  }

  /** Whether a call of this op is what the candidates compete for. */
  public boolean decides(OpCall call) {
    return switch (call.phase()) {
      case PREPARE, JOIN, FINISH -> false;
      case FORWARD -> phases.contains(Phase.FORWARD) && call.operation().equals("forward");
      case BACKWARD ->
          phases.contains(Phase.BACKWARD)
              && (call.operation().equals(operation)
                  || phases.contains(Phase.FORWARD) && call.operation().startsWith("backward"));
    };
  }

  /** How many times as fast as the best other the winner is: {@code 1.93x onednn}. */
  public Optional<String> lead() {
    return byTime().stream()
        .filter(e -> raced() && !e.getKey().equals(winner))
        .findFirst()
        .map(
            other ->
                String.format(
                    Locale.ROOT,
                    "%.2fx %s",
                    other.getValue() / milliseconds.get(winner),
                    other.getKey()));
  }

  /** What each would cost, the fastest first: {@code winograd 1.820 ms, onednn 3.513 ms}. */
  public String costs() {
    return byTime().stream()
        .map(e -> String.format(Locale.ROOT, "%s %.3f ms", e.getKey(), e.getValue()))
        .collect(Collectors.joining(", "));
  }

  private List<Map.Entry<String, Double>> byTime() {
    return milliseconds.entrySet().stream()
        .sorted(
            Map.Entry.<String, Double>comparingByValue()
                .thenComparing(Comparator.comparing(Map.Entry::getKey)))
        .toList();
  }
}
