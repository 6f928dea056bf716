package org.jresnet.cli;

import java.util.Locale;
import org.jresnet.backend.gpu.GpuBackend;
import org.jresnet.backend.gpu.KernelForecast;
import org.jresnet.graph.DType;

/** What {@code plan} says of our own memory-bound kernels. */
final class KernelTable {
  /** What copies reach on an H200: 90 % of the data sheet's 4.8 TB/s. */
  private static final double BYTES_PER_SECOND = 4.3e12;

  private KernelTable() {}

  static void print(Console console, GpuBackend backend, DType type) {
    console.print(
        "%nMemory-bound kernels of our own, predicted; nothing here is measured. An SM must have"
            + " bandwidth/SMs x latency x share of reads in%nflight (Little's law); the table takes"
            + " %.1f TB/s and %.1f µs, both assumptions, and occupancy from the registers that the"
            + " compiler used.",
        BYTES_PER_SECOND / 1e12, KernelForecast.LATENCY_SECONDS * 1e6);
    console.print(
        "%-26s %9s %9s %9s %10s %11s %14s %13s",
        "kernel",
        "registers",
        "spilled B",
        "shared B",
        "B/element",
        "threads/SM",
        "KiB in flight",
        "of bandwidth");
    for (KernelForecast f : backend.kernels(type, BYTES_PER_SECOND)) {
      console.print(
          "%-26s %9d %9d %9d %10s %11d %14.0f %12.0f%%",
          f.kernel(),
          f.resources().registers(),
          f.resources().spilledBytes(),
          f.resources().sharedBytes(),
          String.format(Locale.ROOT, "%.3f", f.bytesPerElement()),
          f.threads(),
          f.bytesInFlight() / 1024.0,
          100 * f.share());
    }
  }
}
