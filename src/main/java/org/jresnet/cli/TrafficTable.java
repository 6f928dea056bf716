package org.jresnet.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.gpu.Traffic;
import org.jresnet.backend.gpu.Traffic.Part;

/** Predicted memory traffic of a step on a GPU, by part, and what it takes at given rates. */
final class TrafficTable {
  private final List<Traffic> step;
  private final double bytesPerSecond;
  private final double flopsPerSecond;

  TrafficTable(List<Traffic> step, double bytesPerSecond, double flopsPerSecond) {
    this.step = step;
    this.bytesPerSecond = bytesPerSecond;
    this.flopsPerSecond = flopsPerSecond;
  }

  private List<Traffic> of(Part part) {
    return step.stream().filter(t -> t.part() == part).toList();
  }

  private static double gigabytes(List<Traffic> calls) {
    return calls.stream().mapToLong(Traffic::bytes).sum() / 1e9;
  }

  private static double teraflops(List<Traffic> calls) {
    return calls.stream().mapToLong(Traffic::flops).sum() / 1e12;
  }

  private double milliseconds(List<Traffic> calls) {
    return 1e3 * calls.stream().mapToDouble(t -> t.seconds(bytesPerSecond, flopsPerSecond)).sum();
  }

  /** Prints a line per part; {@code measured} holds milliseconds, or is empty. */
  void print(Console console, Map<Part, Double> measured) {
    console.print(
        "%nPredicted from operands, not measured: least times at %.2f TB/s and %.0f TFLOP/s%n"
            + "%-18s %6s %9s %9s %9s%s",
        bytesPerSecond / 1e12,
        flopsPerSecond / 1e12,
        "part",
        "calls",
        "GB",
        "TFLOP",
        "least ms",
        measured.isEmpty() ? "" : "  measured");
    for (Part part : Part.values()) {
      if (!of(part).isEmpty() || measured.containsKey(part)) {
        line(console, part.text(), of(part), measured.isEmpty() ? null : measured.get(part));
      }
    }
    double sum = measured.values().stream().mapToDouble(Double::doubleValue).sum();
    line(console, "step", step, measured.isEmpty() ? null : (Double) sum);
  }

  /**
   * Prints what one pass takes at least where most calls are so short that starting them is what
   * they cost: the latency of small batches.
   */
  void latency(Console console) {
    double milliseconds =
        1e3
            * step.stream()
                .mapToDouble(t -> t.seconds(bytesPerSecond, flopsPerSecond))
                .map(least -> Math.max(least, Traffic.LAUNCH_SECONDS))
                .sum();
    console.print(
        "%-18s %6d %9s %9s %9.2f",
        "no call below %.0f us".formatted(1e6 * Traffic.LAUNCH_SECONDS),
        step.size(),
        "",
        "",
        milliseconds);
    console.object(Map.of("least_latency_ms", milliseconds));
  }

  private void line(Console console, String name, List<Traffic> calls, Double measured) {
    console.print(
        "%-18s %6d %9.2f %9.2f %9.2f%s",
        name,
        calls.size(),
        gigabytes(calls),
        teraflops(calls),
        milliseconds(calls),
        measured == null ? "" : String.format(java.util.Locale.ROOT, " %9.2f", measured));
  }

  /** A JSON object per part. */
  void objects(Console console) {
    for (Part part : Part.values()) {
      if (!of(part).isEmpty()) {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("part", part.text());
        values.put("calls", of(part).size());
        values.put("gigabytes", gigabytes(of(part)));
        values.put("teraflops", teraflops(of(part)));
        values.put("least_ms", milliseconds(of(part)));
        console.object(values);
      }
    }
  }
}
