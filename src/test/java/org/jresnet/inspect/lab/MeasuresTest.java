package org.jresnet.inspect.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Op;
import org.jresnet.graph.ResidualBlock;
import org.jresnet.graph.Rewrite;
import org.jresnet.inspect.SingularValues;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the experiments measure, against what is known otherwise. */
final class MeasuresTest {
  @TempDir private static Path folder;
  private static Path faces;

  @BeforeAll
  static void draw() {
    faces = folder.resolve("faces");
    TinyLab.draw(faces);
  }

  private static float[] logits(LabContext lab, Graph graph) {
    try (Model model = lab.with(graph);
        Executable executable = Executable.compile(model, lab.inference(4))) {
      return executable.infer(lab.images().batch(0, 4));
    }
  }

  /** Each branch alone, and all together. */
  @ParameterizedTest
  @EnumSource(
      value = BackendKind.class,
      names = {"REFERENCE", "CPU"})
  void scaleOneIsTheIdentityAndZeroIsNoBranch(BackendKind backend) {
    try (TinyLab tiny = TinyLab.open(backend, faces)) {
      LabContext lab = tiny.context(folder);
      List<ResidualBlock> blocks = lab.blocks();
      float[] whole = logits(lab, lab.graph());
      assertThat(logits(lab, Scaling.scaled(lab.graph(), blocks, 1))).isEqualTo(whole);
      Graph none = lab.graph();
      for (ResidualBlock block : blocks) {
        Graph without = Rewrite.withoutBranch(lab.graph(), block.addition().name());
        float[] cut = logits(lab, without);
        assertThat(cut).as(block.name()).isNotEqualTo(whole);
        assertThat(logits(lab, Scaling.scaled(lab.graph(), List.of(block), 0)))
            .as(block.name())
            .isEqualTo(cut);
        none = Rewrite.withoutBranch(none, block.addition().name());
      }
      assertThat(logits(lab, Scaling.scaled(lab.graph(), blocks, 0))).isEqualTo(logits(lab, none));
    }
  }

  /** 256 ways through 8 blocks: the gradients along all of them add up to the whole. */
  @Test
  void theGradientIsTheSumOverAllPaths() {
    try (TinyLab tiny = TinyLab.open(BackendKind.CPU, faces)) {
      LabContext lab = tiny.context(folder);
      List<ResidualBlock> blocks = lab.blocks();
      assertThat(blocks).hasSize(8);
      try (Model model = lab.with(GradientGates.gated(lab.graph()));
          GradientGates gates = new GradientGates(lab, model, blocks, 4)) {
        double loss = gates.run();
        float[] whole = gates.entering(0);
        double[] sum = new double[whole.length];
        for (int mask = 0; mask < 1 << blocks.size(); mask++) {
          for (int b = 0; b < blocks.size(); b++) {
            boolean branch = (mask >> b & 1) == 1;
            gates.set(b, branch, !branch);
          }
          assertThat(gates.run()).as("gates leave forward alone").isEqualTo(loss);
          float[] path = gates.entering(0);
          for (int i = 0; i < sum.length; i++) {
            sum[i] += path[i];
          }
        }
        double off = 0;
        for (int i = 0; i < sum.length; i++) {
          off += (sum[i] - whole[i]) * (sum[i] - whole[i]);
        }
        // Rounding of 256 sums in single precision, which are larger than the whole.
        assertThat(Vectors.norm(whole)).isPositive();
        assertThat(Math.sqrt(off) / Vectors.norm(whole)).isLessThan(1e-4);
      }
    }
  }

  /** A branch that is one matrix: its stretch is the matrix's largest singular value. */
  @Test
  void theStretchOfALinearBranchIsItsLargestSingularValue() {
    Graph.Builder g = Graph.builder("linear", 3);
    int x = g.add("stem", new Conv2d(3, 6, 3, 2, 1), 0);
    int f = g.add("block.conv", new Conv2d(6, 6, 1, 1, 0), x);
    x = g.add("block.add", new Op.Add(), f, x);
    x = g.add("avgpool", new Op.GlobalAvgPool(), x);
    g.add("fc", new Op.Linear(6, 2), x);
    try (TinyLab tiny = TinyLab.of(g.build(), BackendKind.CPU, faces)) {
      LabContext lab = tiny.context(folder);
      float[] matrix = tiny.classifier.model().get("block.conv.weight");
      float[] values = SingularValues.of(matrix, 6, 6);
      BranchStretch.Estimate found = new BranchStretch(lab).of(lab.blocks()).get(0).orElseThrow();
      // From below, and within what 8 iterations and differences in single precision leave.
      assertThat(found.mean()).isBetween(0.95 * values[0], 1.001 * values[0]);
      assertThat(found.largest()).isBetween(found.mean(), 1.001 * values[0]);
      assertThat(values[0]).isGreaterThan(1.2f * values[2]);
    }
  }

  @Test
  void alignmentKnowsRotations() {
    SplittableRandom random = new SplittableRandom(3);
    List<float[]> plain = new ArrayList<>();
    List<float[]> turned = new ArrayList<>();
    List<float[]> other = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      float x = (float) random.nextDouble();
      float y = (float) random.nextDouble();
      plain.add(new float[] {x, y});
      turned.add(new float[] {3 * (0.6f * x - 0.8f * y) + 5, 3 * (0.8f * x + 0.6f * y)});
      other.add(new float[] {(float) random.nextDouble(), (float) random.nextDouble()});
    }
    double[][] k = kernel(plain);
    assertThat(BlockSimilarity.alignment(k, k)).isCloseTo(1, within(1e-12));
    assertThat(BlockSimilarity.alignment(k, kernel(turned))).isCloseTo(1, within(1e-6));
    assertThat(BlockSimilarity.alignment(k, kernel(other))).isLessThan(0.3);
  }

  private static double[][] kernel(List<float[]> rows) {
    return BlockSimilarity.centred(BlockSimilarity.kernel(rows));
  }

  @Test
  void effectiveRankCountsDirections() {
    List<float[]> axes = new ArrayList<>();
    List<float[]> line = new ArrayList<>();
    for (int sign = -1; sign <= 1; sign += 2) {
      for (int i = 0; i < 5; i++) {
        float[] row = new float[5];
        row[i] = sign;
        axes.add(row);
        line.add(new float[] {sign * i, 2 * sign * i, 0});
      }
    }
    assertThat(BlockWork.effectiveRank(axes)).isCloseTo(5, within(1e-4));
    assertThat(BlockWork.effectiveRank(line)).isCloseTo(1, within(1e-3));
  }
}
