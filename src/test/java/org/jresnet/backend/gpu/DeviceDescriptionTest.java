package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

final class DeviceDescriptionTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path empty;

  static Stream<String> known() {
    return DeviceDescription.KNOWN.stream();
  }

  @ParameterizedTest
  @CsvSource({
    "a100, NVIDIA A100-SXM4-80GB, 80, 108",
    "h100, NVIDIA H100 80GB HBM3, 90, 132",
    "H200, NVIDIA H200, 90, 132",
    "b200, NVIDIA B200, 100, 148",
    "l4, NVIDIA L4, 89, 58",
    "RTX 4090, NVIDIA GeForce RTX 4090, 89, 128"
  })
  void knowsTheDevice(String name, String full, int architecture, int processors)
      throws IOException {
    DeviceDescription device = DeviceDescription.of(name);
    assertThat(device.name()).isEqualTo(full);
    assertThat(device.architecture()).isEqualTo(architecture);
    assertThat(JSON.readTree(device.json()).get("multiProcessorCount").asInt())
        .isEqualTo(processors);
  }

  @ParameterizedTest
  @MethodSource("known")
  void hasThePropertiesThatCudnnAsksFor(String name) throws IOException {
    JsonNode h200 = JSON.readTree(DeviceDescription.of("h200").json());
    JsonNode device = JSON.readTree(DeviceDescription.of(name).json());
    assertThat(new TreeSet<>(fields(device))).isEqualTo(new TreeSet<>(fields(h200)));
    assertThat(device.get("deviceVer")).isEqualTo(device.get("smVersion"));
    // The limits of NVIDIA's table per compute capability.
    int optin = device.get("maxSharedMemoryPerBlockOptin").asInt() >> 10;
    int threads = device.get("maxThreadsPerSM").asInt();
    int blocks = device.get("maxCtasPerSM").asInt();
    switch (device.get("smVersion").asInt()) {
      case 800 -> assertThat(List.of(optin, threads, blocks)).containsExactly(163, 2048, 32);
      case 890 -> assertThat(List.of(optin, threads, blocks)).containsExactly(99, 1536, 24);
      default -> assertThat(List.of(optin, threads, blocks)).containsExactly(227, 2048, 32);
    }
  }

  private static List<String> fields(JsonNode node) {
    return node.properties().stream().map(java.util.Map.Entry::getKey).toList();
  }

  @Test
  void unknownDevicesAreRefusedWithTheKnownOnes() throws IOException {
    assertThatThrownBy(() -> DeviceDescription.of("h300"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("a100, b200, h100, h200, l4, rtx4090");
    Path file = Files.writeString(empty.resolve("x.json"), "{}");
    assertThatThrownBy(() -> DeviceDescription.of(file.toString()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("smVersion");
  }

  @Test
  void planningWithoutLibrariesNamesThemAndHowToGetThem() {
    CudnnOptions defaults = CudnnOptions.defaults();
    CudnnOptions options =
        new CudnnOptions(
            0,
            Optional.of(empty.toString()),
            defaults.workspaceBytes(),
            defaults.tuning(),
            defaults.results(),
            defaults.launch(),
            1,
            defaults.fusion(),
            empty);
    assertThatThrownBy(() -> GpuBackend.planning(DeviceDescription.of("l4"), options))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("planning for NVIDIA L4 needs no GPU")
        .hasMessageContaining("libcudnn_graph.so.9")
        .hasMessageContaining("tools/cuda-libs")
        .hasMessageNotContaining("driver is not installed");
  }
}
