package org.jresnet.base;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** What Linux says about the memory of this process. */
public final class ProcessMemory {
  private ProcessMemory() {}

  /** Most bytes that this process held so far, in the heap and outside; 0 where nobody says. */
  public static long peakBytes() {
    try {
      return Files.readAllLines(Path.of("/proc/self/status"), StandardCharsets.US_ASCII).stream()
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
          .findFirst()
          .orElse(0);
    } catch (IOException e) {
      return 0;
    }
  }
}
