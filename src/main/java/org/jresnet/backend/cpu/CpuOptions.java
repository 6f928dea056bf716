package org.jresnet.backend.cpu;

import java.nio.file.Path;
import org.jresnet.backend.Tuning;
import org.jresnet.base.CacheFolder;

/**
 * How the CPU is used.
 *
 * @param tuning {@link Tuning#RACE}, or {@link Tuning#OFF} for oneDNN alone
 * @param winograd whether Winograd's algorithm may compete, which rounds differently from a direct
 *     convolution
 * @param cache folder of measured choices
 */
public record CpuOptions(Tuning tuning, boolean winograd, Path cache) {
  /** The defaults: races, remembered in the user's cache folder. */
  public static CpuOptions defaults() {
    return new CpuOptions(Tuning.RACE, true, CacheFolder.of(System.getenv()).resolve("jresnet"));
  }
}
