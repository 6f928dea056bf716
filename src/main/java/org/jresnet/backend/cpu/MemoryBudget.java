package org.jresnet.backend.cpu;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jresnet.base.UserError;

/**
 * Refuses allocations that the machine cannot back. Linux grants memory that it does not have and
 * kills the process when it is touched; a clear error at compile time is better.
 */
final class MemoryBudget {
  private static final Path MEMINFO = Path.of("/proc/meminfo");
  private static final long KIB = 1024;

  private MemoryBudget() {}

  static void require(String purpose, long bytes) {
    long available = available();
    if (bytes > available) {
      throw new UserError(
          "not enough memory for "
              + purpose
              + ": "
              + (bytes >> 20)
              + " MB are needed, "
              + (available >> 20)
              + " MB are available");
    }
  }

  /**
   * What Linux says is available, and never more than a container's limit; elsewhere the physical
   * memory.
   */
  static long available() {
    long total =
        ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
            .getTotalMemorySize();
    if (!Files.isReadable(MEMINFO)) {
      return total;
    }
    try (var lines = Files.lines(MEMINFO)) {
      return lines
          .filter(line -> line.startsWith("MemAvailable:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * KIB)
          .map(free -> Math.min(free, total))
          .findFirst()
          .orElse(total);
    } catch (IOException e) {
      return total;
    }
  }
}
