package org.jresnet.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tuning;
import org.jresnet.check.Specs;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With the Vector API there are kernels of our own, without it oneDNN computes all. */
class VectorApiTest {
  @TempDir Path cache;

  @Test
  void kernelsOfOurOwnCompeteWhereJavaHasVectors() {
    boolean there = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    Support support = VectorApi.supported();
    if (!there) {
      assertThat(support)
          .isInstanceOfSatisfying(
              Support.No.class,
              no -> assertThat(no.reason()).contains("--add-modules jdk.incubator.vector"));
    }
    OpSpec spec =
        Specs.conv(
            new Shape(1, 8, 8, 64),
            new Conv2d(64, 64, 3, 1, 1),
            DType.F32,
            Pass.TRAINING,
            GradientWrite.OVERWRITE,
            GradientWrite.OVERWRITE);
    boolean own = support instanceof Support.Yes;
    try (CpuBackend cpu = new CpuBackend(new CpuOptions(Tuning.RACE, true, cache));
        CpuBackend direct = new CpuBackend(new CpuOptions(Tuning.RACE, false, cache));
        OpPlan plan = cpu.plan(spec, "winograd")) {
      for (Part part : Part.of(spec)) {
        List<String> all = cpu.candidates(part).stream().map(Candidate::name).toList();
        assertThat(all).startsWith("onednn").hasSizeGreaterThanOrEqualTo(own ? 2 : 1);
        assertThat(all.contains("winograd")).isEqualTo(own);
        assertThat(direct.candidates(part)).extracting(Candidate::name).doesNotContain("winograd");
      }
      assertThat(plan.implementation().contains("java:winograd4x4")).isEqualTo(own);
    }
  }
}
