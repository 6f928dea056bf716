package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import javax.xml.parsers.DocumentBuilderFactory;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tuning;
import org.jresnet.backend.cpu.CpuBackend;
import org.jresnet.backend.cpu.CpuOptions;
import org.jresnet.base.Csv;
import org.jresnet.bench.Atlas;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jresnet atlas} and {@code jresnet atlas diff}, on a tiny network. */
final class AtlasCommandTest {
  @TempDir static Path folder;

  private static final ObjectMapper JSON = new ObjectMapper();
  private static Set<String> types;
  private static Cli.Result result;

  @BeforeAll
  static void measure() {
    types = new TreeSet<>(Set.of("fp32"));
    try (CpuBackend cpu = new CpuBackend(new CpuOptions(Tuning.OFF, true, folder))) {
      for (Precision precision : List.of(Precision.BF16, Precision.INT8)) {
        if (cpu.supports(precision) instanceof Support.Yes) {
          types.add(precision.id());
        }
      }
    }
    result = atlas("--precision=" + String.join(",", types), "--out=" + folder.resolve("a"));
    assertThat(result.code()).as(result.err()).isZero();
  }

  private static Cli.Result atlas(String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of("atlas", "--model=resnet18", "--width=16", "--size=32", "--batch=2"));
    arguments.addAll(List.of(more));
    return jresnet(arguments.toArray());
  }

  @Test
  void everyProductOfEveryConvolutionIsMeasured() {
    Atlas atlas = Atlas.read(folder.resolve("a"));
    Map<String, Set<String>> operations = new TreeMap<>();
    Map<String, Double> errors = new TreeMap<>();
    for (Atlas.Row row : atlas.rows()) {
      String type = row.precision().id();
      operations.computeIfAbsent(type, t -> new TreeSet<>()).add(row.operation());
      assertThat(row.ms()).as(row.part()).isPositive();
      assertThat(row.gflops()).as(row.part()).isPositive();
      if (row.candidate().equals("onednn")) {
        assertThat(row.share()).as(row.part()).isBetween(1e-6, 1.0);
      }
      // Results have 24, 8 and 8 bits; the contract tests have the exact bounds. A product of two
      // bf16 numbers is exact in single precision, so single errors may be 0.
      double bound = type.equals("fp32") ? 1e-5 : type.equals("bf16") ? 1e-2 : 5e-2;
      assertThat(row.error()).as("%s by %s", row.part(), row.candidate()).isBetween(0.0, bound);
      errors.merge(type, row.error(), Math::max);
    }
    assertThat(operations.keySet()).isEqualTo(types);
    assertThat(errors.values()).allMatch(e -> e > 1e-8);
    assertThat(operations.get("fp32"))
        .containsExactly("backward data", "backward weights", "forward");
    // 20 convolutions, of which each has a forward and a weight gradient, all but the stem a third.
    assertThat(ops(atlas, "forward")).isEqualTo(20);
    assertThat(ops(atlas, "backward weights")).isEqualTo(20);
    assertThat(ops(atlas, "backward data")).isEqualTo(19);
    assertThat(atlas.milliseconds(Precision.FP32, atlas.rows().get(0).threads())).isPositive();
    assertThat(result.out()).contains("100%").contains("3x3 16->16 @8");
  }

  private static int ops(Atlas atlas, String operation) {
    return atlas.rows().stream()
        .filter(r -> r.precision() == Precision.FP32 && r.candidate().equals("onednn"))
        .filter(r -> r.operation().equals(operation))
        .mapToInt(Atlas.Row::ops)
        .sum();
  }

  @Test
  void theTableAndTheMapHaveAllRows() throws Exception {
    Atlas atlas = Atlas.read(folder.resolve("a"));
    List<List<String>> table = Csv.read(folder.resolve("a/atlas.csv"));
    assertThat(table).hasSize(atlas.rows().size() + 1);
    assertThat(table.get(0)).startsWith("part", "convolution").endsWith("error");
    var svg =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(folder.resolve("a/atlas.svg").toFile());
    assertThat(svg.getElementsByTagName("g").getLength()).isEqualTo(atlas.rows().size());
  }

  @Test
  void aDiffSortsByWhatChangedMost() throws IOException {
    JsonNode tree = JSON.readTree(folder.resolve("a/atlas.json").toFile());
    List<String> parts = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      var row = (com.fasterxml.jackson.databind.node.ObjectNode) tree.get("rows").get(i);
      row.put("ms", row.get("ms").asDouble() * (i == 0 ? 2 : i == 1 ? 0.25 : 1.5));
      parts.add(row.get("part").asText());
    }
    Path other = folder.resolve("changed.json");
    Files.writeString(other, tree.toString());
    Path csv = folder.resolve("diff.csv");
    Cli.Result diff =
        jresnet("atlas", "diff", folder.resolve("a"), other, "--csv=" + csv, "--json");
    assertThat(diff.code()).as(diff.err()).isZero();
    List<String> lines = diff.out().lines().toList();
    double[] ratios = {0.25, 2, 1.5, 1};
    int[] order = {1, 0, 2};
    for (int i = 0; i < ratios.length; i++) {
      JsonNode row = JSON.readTree(lines.get(i));
      assertThat(row.get("ratio").asDouble()).isCloseTo(ratios[i], within());
      if (i < order.length) {
        assertThat(row.get("part").asText()).isEqualTo(parts.get(order[i]));
      }
    }
    int rows = tree.get("rows").size();
    assertThat(lines).hasSize(rows);
    assertThat(Csv.read(csv)).hasSize(rows + 1);
    assertThat(diff.err()).contains(rows + " rows in both, 0 in A alone, 0 in B alone");
  }

  private static org.assertj.core.data.Offset<Double> within() {
    return org.assertj.core.data.Offset.offset(1e-9);
  }

  @Test
  void atlasesOfDifferentWorkHaveNothingInCommon() throws IOException {
    String text = Files.readString(folder.resolve("a/atlas.json"));
    Path other = folder.resolve("other.json");
    Files.writeString(other, text.replace(", 2x", ", 4x"));
    Cli.Result diff = jresnet("atlas", "diff", folder.resolve("a"), other);
    assertThat(diff.code()).isEqualTo(1);
    assertThat(diff.err()).contains("no row in common").contains("the same --model, --batch");
  }

  @Test
  void whatIsNoAtlasIsNamed() throws IOException {
    Cli.Result missing = jresnet("atlas", "diff", folder.resolve("none"), folder.resolve("a"));
    assertThat(missing.code()).isEqualTo(1);
    assertThat(missing.err()).contains("there is no atlas at").contains("jresnet atlas --out");
    Path broken = folder.resolve("broken.json");
    Files.writeString(broken, "{\"format\": 1, \"rows\": []}");
    Cli.Result bad = jresnet("atlas", "diff", broken, folder.resolve("a"));
    assertThat(bad.code()).isEqualTo(1);
    assertThat(bad.err()).contains("broken.json").contains("origin");
  }

  @Test
  void badInputIsRefusedBeforeAnythingIsTimed() {
    assertThat(jresnet("atlas").err()).contains("name the folder").contains("--out FOLDER");
    String fresh = "--out=" + folder.resolve("fresh");
    assertThat(atlas("--precision=fp31", fresh).err()).contains("unknown precision 'fp31'");
    assertThat(atlas("--precision=fp32,fp16", fresh).err()).contains("fp16 is not possible");
    assertThat(jresnet("atlas", "--model=nosuch", fresh).err()).contains("unknown model");
    Cli.Result again = atlas("--out=" + folder.resolve("a"));
    assertThat(again.code()).isEqualTo(1);
    assertThat(again.err()).contains("atlas.json exists").contains("--overwrite");
  }

  @Test
  void childrenAreHeardWithoutJavasWarning() throws IOException {
    for (String said : List.of("", "one", "one\ntwo\n", "WARNING: other\n")) {
      for (String warning :
          List.of("", "WARNING: Using incubator modules: jdk.incubator.vector\n")) {
        ByteArrayOutputStream heard = new ByteArrayOutputStream();
        byte[] bytes = (warning + said).getBytes(StandardCharsets.UTF_8);
        ChildRuns.copyErrors(new ByteArrayInputStream(bytes), heard);
        assertThat(heard.toString(StandardCharsets.UTF_8)).isEqualTo(said);
      }
    }
  }

  @Test
  void runsWithOtherThreadsArePutTogether() {
    Atlas atlas = Atlas.read(folder.resolve("a"));
    int threads = atlas.rows().get(0).threads();
    List<Atlas.Row> rows = new ArrayList<>();
    for (Atlas.Row r : atlas.rows()) {
      rows.add(
          new Atlas.Row(
              r.part(),
              r.convolution(),
              r.operation(),
              r.precision(),
              r.candidate(),
              threads + 1,
              r.ops(),
              r.ms() / 2,
              2 * r.gflops(),
              2 * r.peak(),
              r.error()));
    }
    Atlas merged = Atlas.merged(List.of(atlas, new Atlas(Atlas.FORMAT, atlas.origin(), rows)));
    assertThat(merged.rows()).hasSize(2 * rows.size());
    assertThat(merged.origin().backends()).hasSize(2);
    assertThat(merged.milliseconds(Precision.FP32, threads + 1))
        .isCloseTo(atlas.milliseconds(Precision.FP32, threads) / 2, within());
    assertThat(ChildRuns.with(List.of("atlas", "--out", "x", "--batch=2"), "--out", "x/threads-1"))
        .containsExactly("atlas", "--batch=2", "--out=x/threads-1");
  }
}
