package org.jresnet.backend.cpu;

import java.nio.file.Path;
import java.util.function.Consumer;
import org.jresnet.backend.Tuning;
import org.jresnet.base.CacheFolder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the CPU is used.
 *
 * @param tuning {@link Tuning#RACE}, or {@link Tuning#OFF} for oneDNN alone
 * @param winograd whether Winograd's algorithm may compete, which rounds differently from a direct
 *     convolution
 * @param cache folder of measured choices
 * @param notes told what takes time
 */
public record CpuOptions(Tuning tuning, boolean winograd, Path cache, Consumer<String> notes) {
  private static final Logger LOG = LoggerFactory.getLogger(CpuOptions.class);

  /** Without a listener. */
  public CpuOptions(Tuning tuning, boolean winograd, Path cache) {
    this(tuning, winograd, cache, LOG::info);
  }

  /** The defaults: races, remembered in the user's cache folder. */
  public static CpuOptions defaults() {
    return new CpuOptions(Tuning.RACE, true, CacheFolder.of(System.getenv()).resolve("jresnet"));
  }
}
