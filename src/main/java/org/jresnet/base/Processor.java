package org.jresnet.base;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The CPU of this machine, as Linux describes it. */
public final class Processor {
  private static final Path INFO = Path.of("/proc/cpuinfo");
  private static final String UNKNOWN = "unknown processor";

  private Processor() {}

  /** The name that its maker gave it: {@code AMD EPYC}. Several generations may share one. */
  public static String name() {
    String name = field("model name");
    return name.isEmpty() ? UNKNOWN : name;
  }

  /** Its name and the version of Java: what a measurement ran on. */
  public static String andJava() {
    return name() + ", Java " + System.getProperty("java.version");
  }

  /** Name, family and model, which tell generations apart: {@code AMD EPYC 26-2}. */
  public static String generation() {
    return name() + " " + field("cpu family") + "-" + field("model");
  }

  private static String field(String wanted) {
    if (!Files.isReadable(INFO)) {
      return "";
    }
    try (Stream<String> lines = Files.lines(INFO)) {
      return lines
          .map(line -> line.split(":", 2))
          .filter(parts -> parts.length == 2 && parts[0].strip().equals(wanted))
          .map(parts -> parts[1].strip())
          .findFirst()
          .orElse("");
    } catch (IOException e) {
      return "";
    }
  }
}
