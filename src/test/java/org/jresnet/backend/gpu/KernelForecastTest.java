package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.graph.DType;
import org.jresnet.nativebindings.cuda.KernelProgram.Compiled;
import org.jresnet.nativebindings.cuda.KernelProgram.Resources;
import org.junit.jupiter.api.Test;

/** What is read from the compiler's log, and what is predicted from it. */
class KernelForecastTest {
  private static final String LOG =
      """
      ptxas info    : 8 bytes gmem
      ptxas info    : Compiling entry function 'adam' for 'sm_90'
      ptxas info    : Function properties for adam
      ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
      ptxas info    : Used 48 registers, used 0 barriers
      ptxas info    : Compile time = 137.907 ms
      ptxas info    : Compiling entry function 'normSums_bf16' for 'sm_90'
      ptxas info    : Function properties for normSums_bf16
      ptxas         .     24 bytes stack frame, 28 bytes spill stores, 36 bytes spill loads
      ptxas info    : Used 64 registers, used 1 barriers, 24 bytes cumulative stack size, 8192 bytes smem
      ptxas info    : Compile time = 74.450 ms\
      """;

  @Test
  void resourcesAreReadFromTheLog() {
    assertThat(new Compiled(new byte[0], LOG).resources())
        .containsOnly(
            Map.entry("adam", new Resources(48, 0, 0)),
            Map.entry("normSums_bf16", new Resources(64, 8192, 64)));
    assertThat(new Compiled(new byte[0], "").resources()).isEmpty();
  }

  private static Map<String, Resources> all(int registers) {
    Map<String, Resources> resources = new TreeMap<>();
    for (String name :
        List.of(
            "input",
            "block",
            "pack",
            "unpack",
            "add",
            "activation",
            "activationBackward",
            "normPartials",
            "normApply",
            "normAddApply",
            "normSums",
            "normBackward")) {
      resources.put(name + "_bf16", new Resources(registers, 8192, 0));
    }
    List.of("squares", "sgd", "adam")
        .forEach(n -> resources.put(n, new Resources(registers, 0, 0)));
    return resources;
  }

  @Test
  void occupancyAndLittlesLawGiveTheShare() {
    DeviceLimits h200 = DeviceDescription.of("h200").limits();
    List<KernelForecast> forecasts = KernelForecast.of(all(64), h200, DType.BF16, 4.3e12);
    KernelForecast add =
        forecasts.stream().filter(f -> f.kernel().equals("add_bf16")).findFirst().orElseThrow();
    // 65,536 registers hold 4 blocks of 256 threads with 64 each, which read two vectors of 16
    // bytes.
    assertThat(add.threads()).isEqualTo(1024);
    assertThat(add.bytesInFlight()).isEqualTo(32 << 10);
    assertThat(add.bytesPerElement()).isEqualTo(6);
    // Needed are 4.3e12 / 132 * 1e-6 = 32,576 bytes a microsecond, two thirds of them reads.
    assertThat(add.share()).isEqualTo(1);
    KernelForecast few =
        KernelForecast.of(all(128), h200, DType.BF16, 4.3e12).stream()
            .filter(f -> f.kernel().equals("squares"))
            .findFirst()
            .orElseThrow();
    assertThat(few.threads()).isEqualTo(512);
    assertThat(few.share()).isBetween(0.5029, 0.5030);
  }

  @Test
  void aKernelThatTheCompilerDoesNotMentionIsNamed() {
    DeviceLimits h200 = DeviceDescription.of("h200").limits();
    assertThatThrownBy(() -> KernelForecast.of(Map.of(), h200, DType.BF16, 4.3e12))
        .hasMessageContaining("input_bf16");
  }
}
