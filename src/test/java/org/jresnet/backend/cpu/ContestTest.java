package org.jresnet.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jresnet.backend.Contest;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpCall;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tuning;
import org.jresnet.bench.NetworkContests;
import org.jresnet.check.OpCase;
import org.jresnet.check.Specs;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable.NamedSpec;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.models.Architecture;
import org.jresnet.train.ModelFiles;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What candidates compete for, how it is called, and what is told of a race. */
class ContestTest {
  @TempDir Path cache;

  private static OpSpec conv(GradientWrite dx) {
    return Specs.conv(
        new Shape(16, 56, 56, 64),
        new Conv2d(64, 64, 3, 1, 1),
        DType.F32,
        Pass.TRAINING,
        dx,
        GradientWrite.OVERWRITE);
  }

  @Test
  void namesAreShortAndSayWhatIsComputed() {
    List<String> names = Part.of(conv(GradientWrite.ACCUMULATE)).stream().map(Part::key).toList();
    assertThat(names)
        .containsExactly(
            "forward 3x3 s1 p1 64->64, 16x56x56x64 F32",
            "backward data 3x3 s1 p1 64->64, 16x56x56x64 F32 dx+=",
            "backward weights 3x3 s1 p1 64->64, 16x56x56x64 F32 dweight=");
    OpSpec folded =
        Specs.foldedConv(
            new Shape(1, 9, 7, 32),
            new Conv2d(32, 48, 3, 2, 1).grouped(2),
            DType.BF16,
            1e-5,
            Specs.Residual.ADD,
            Specs.Activation.RELU);
    assertThat(Part.of(folded))
        .extracting(Part::key)
        .containsExactly(
            "inference 3x3 s2 p1 g2 32->48 norm add relu, 1x9x7x32 BF16 + 1x5x4x48 BF16");
  }

  @Test
  void differentPartsHaveDifferentNames() {
    Set<String> names = new HashSet<>();
    Set<Object> parts = new HashSet<>();
    for (OpCase.Kind kind : OpCase.Kind.values()) {
      for (OpCase op : kind.cases()) {
        for (Part part : Part.of(op.spec().apply(DType.F32))) {
          names.add(part.key());
          // Of the tail, only its kinds change the time.
          OpSpec s = part.spec();
          parts.add(
              List.of(
                  part.phases(),
                  s.op(),
                  s.kind(),
                  s.inputs(),
                  s.output(),
                  s.mode(),
                  s.pass() + (part.phases().size() == 3 ? "" : "any"),
                  s.gradients()));
        }
      }
    }
    assertThat(parts.size()).isGreaterThan(300);
    assertThat(names).hasSameSizeAs(parts);
  }

  @Test
  void aContestDecidesTheCallsOfItsPart() {
    try (CpuBackend cpu = new CpuBackend(new CpuOptions(Tuning.OFF, true, cache))) {
      List<Contest> contests = cpu.contests(conv(GradientWrite.OVERWRITE));
      assertThat(contests)
          .extracting(Contest::operation)
          .containsExactly("forward", "backward data", "backward weights");
      OpCall data = new OpCall(Phase.BACKWARD, "backward data", "x", 0, 0, () -> {});
      assertThat(contests.stream().filter(c -> c.decides(data)).map(Contest::operation))
          .containsExactly("backward data");
      OpCall reorder = new OpCall(Phase.FORWARD, "reorder", "x", 0, 0, () -> {});
      assertThat(contests).noneMatch(c -> c.decides(reorder));
    }
  }

  /** As a product of matrices where oneDNN has no GEMM of that type. */
  @Test
  void aCandidateThatCannotComputeAPartTakesNoPart() {
    try (CpuBackend cpu = new CpuBackend(new CpuOptions(Tuning.OFF, true, cache))) {
      Part part = Part.of(conv(GradientWrite.NONE)).get(0);
      Candidate able = new Candidate(Candidate.LIBRARY, 0, () -> cpu.plan(part.spec()));
      Candidate unable = new Candidate("unable", 0, () -> unsupported("no GEMM"));
      assertThat(Race.run(cpu, part, List.of(able, unable))).containsOnlyKeys(Candidate.LIBRARY);
      Candidate library = new Candidate(Candidate.LIBRARY, 0, () -> unsupported("no convolution"));
      assertThatThrownBy(() -> Race.run(cpu, part, List.of(library, able)))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessage("no convolution");
    }
  }

  private static OpPlan unsupported(String message) {
    throw new UnsupportedOperationException(message);
  }

  @Test
  void aRaceIsToldAndRemembered() throws IOException {
    try (CpuBackend cpu = new CpuBackend(new CpuOptions(Tuning.RACE, true, cache))) {
      assumeTrue(VectorApi.supported() instanceof Support.Yes, "no kernels of our own here");
      OpSpec spec =
          Specs.conv(
              new Shape(2, 28, 28, 128),
              new Conv2d(128, 128, 3, 1, 1),
              DType.F32,
              Pass.TRAINING,
              GradientWrite.NONE,
              GradientWrite.NONE);
      assertThat(cpu.contests(spec)).noneMatch(Contest::raced);
      cpu.plan(spec).close();
      Contest contest = cpu.contests(spec).get(0);
      assertThat(contest.candidates()).contains("onednn", "winograd");
      assertThat(contest.raced()).isTrue();
      assertThat(contest.milliseconds()).containsKeys("onednn", "winograd");
      assertThat(contest.lead().orElseThrow()).matches("\\d+\\.\\d\\dx \\w+");
      assertThat(contest.costs()).matches("\\w+ \\d+\\.\\d{3} ms(, \\w+ \\d+\\.\\d{3} ms)+");
      try (Stream<Path> files = Files.list(cache)) {
        List<Path> all = files.toList();
        assertThat(all).hasSize(1);
        assertThat(Files.readString(all.get(0))).contains('"' + contest.name() + '"');
      }
    }
  }

  @Test
  void leadAndCostsOfKnownTimes() {
    OpSpec spec = conv(GradientWrite.NONE);
    Contest contest =
        new Contest(
            "forward",
            "forward",
            spec,
            Set.of(Phase.FORWARD),
            List.of("onednn", "winograd"),
            "winograd",
            Map.of("onednn", 3.5, "winograd", 1.75));
    assertThat(contest.lead()).contains("2.00x onednn");
    assertThat(contest.costs()).isEqualTo("winograd 1.750 ms, onednn 3.500 ms");
  }

  @Test
  void aNetworksContestsAreEachThereOnce() {
    try (CpuBackend cpu = new CpuBackend(new CpuOptions(Tuning.OFF, true, cache))) {
      Architecture network = Architecture.of("resnet18");
      CompileOptions options = CompileOptions.training(2, 64, ModelFiles.normalization(network));
      List<NamedSpec> ops = NetworkContests.specs(network.graph(10), options, Precision.FP32);
      List<NetworkContests.Entry> entries = NetworkContests.planned(cpu, ops);
      List<String> names = new ArrayList<>();
      entries.forEach(e -> names.add(e.contest().name()));
      assertThat(names).doesNotHaveDuplicates();
      assertThat(entries)
          .filteredOn(e -> e.contest().name().equals("forward 3x3 s1 p1 64->64, 2x16x16x64 F32"))
          .singleElement()
          .satisfies(
              e ->
                  assertThat(e.nodes())
                      .containsExactly(
                          "layer1.0.conv1", "layer1.0.conv2", "layer1.1.conv1", "layer1.1.conv2"));
    }
  }
}
