package org.jresnet.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jresnet.backend.ForwardingBackend;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tuning;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.check.Bound;
import org.jresnet.check.Comparison;
import org.jresnet.check.OpCase;
import org.jresnet.check.OpCheck;
import org.jresnet.check.OpRun;
import org.jresnet.check.Specs;
import org.jresnet.check.Specs.Activation;
import org.jresnet.check.Specs.Residual;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.testing.CheckedBackend;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every kernel of our own, wherever it can compute and however small, against the reference in
 * double precision.
 *
 * <p>The bound of Winograd's F(4x4, 3x3) in single precision. A rounding has a root mean square of
 * u/√3 = 3.4e-8. A sum of C products in sequence collects √C/2 of them: 4e-7 for C = 512. The
 * transforms multiply by up to 8 what cancels afterwards, and an output adds up 36 such sums: seven
 * times as much was found for these points and independent normal values, both here and in an
 * emulation in NumPy, which makes 2.8e-6 of the output for 512 channels. 5e-6 leaves room for other
 * values. A direct sum in single precision has 4e-7.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KernelsTest {
  /** Direct sums of thousands of terms, by us or by oneDNN: √N roundings of 3.4e-8, and as many. */
  private static final Bound LONG_SUMS = new Bound.Norm(2e-6);

  private static final long FEW = 500_000;

  private static final Bound WINOGRAD = new Bound.Norm(5e-6);

  @TempDir static Path cache;

  private CpuBackend cpu;
  private final ReferenceBackend reference = new ReferenceBackend();

  @BeforeAll
  void open() {
    cpu = new CpuBackend(new CpuOptions(Tuning.RACE, true, cache));
    assumeTrue(
        VectorApi.supported() instanceof Support.Yes,
        () -> "no kernels of our own: " + ((Support.No) VectorApi.supported()).reason());
  }

  @AfterAll
  void close() {
    if (cpu != null) {
      cpu.close();
    }
  }

  /** A case in one type, with a candidate that can compute some part of it. */
  record Run(String candidate, OpCase op, DType type) {
    @Override
    public String toString() {
      return candidate + " " + type + " " + op;
    }
  }

  private List<String> own(OpSpec spec) {
    Set<String> names = new TreeSet<>();
    for (Part part : Part.of(spec)) {
      cpu.candidates(part).forEach(candidate -> names.add(candidate.name()));
    }
    names.remove(Candidate.LIBRARY);
    return List.copyOf(names);
  }

  private Stream<Run> runs(OpCase op) {
    return Stream.of(DType.F32, DType.BF16)
        .flatMap(type -> own(op.spec().apply(type)).stream().map(name -> new Run(name, op, type)));
  }

  Stream<Run> cases() {
    return Arrays.stream(OpCase.Kind.values())
        .flatMap(kind -> kind.cases().stream())
        .flatMap(this::runs);
  }

  /** The 3x3 convolutions of ResNets at 224x224 and smaller images, and odd ones. */
  Stream<Run> shapes() {
    List<OpCase> cases = new ArrayList<>();
    int[][] sizes = {
      {64, 56}, {128, 28}, {256, 14}, {512, 7}, {64, 16}, {128, 8}, {256, 4}, {512, 2}
    };
    for (int[] s : sizes) {
      cases.add(train(new Shape(s[1] > 16 ? 1 : 3, s[1], s[1], s[0]), s[0], 1, 11));
    }
    Random random = new Random(5);
    for (int i = 0; i < 24; i++) {
      int h = 1 + random.nextInt(20);
      int w = 1 + random.nextInt(20);
      int padding = h < 3 || w < 3 ? 1 + random.nextInt(2) : random.nextInt(3);
      Shape x = new Shape(1 + random.nextInt(5), h, w, 16 * (1 + random.nextInt(5)));
      cases.add(train(x, 16 * (1 + random.nextInt(5)), padding, i));
    }
    return cases.stream().flatMap(this::runs);
  }

  /**
   * Convolutions in groups: depthwise ones of the mobile networks and of channels that fill no
   * whole vectors, groups of 8 and 16 as in RegNet, also with a norm and a ReLU behind them,
   * windows that are even, large, or smaller than the stride, and rows that no window of the stride
   * reaches.
   */
  Stream<Run> grouped() {
    List<OpCase> cases = new ArrayList<>();
    for (int c : new int[] {3, 24, 40, 58, 72, 144}) {
      cases.add(train(new Shape(2, 9, 15, c), new Conv2d(c, c, 3, 1, 1).grouped(c), c));
      cases.add(train(new Shape(2, 8, 13, c), new Conv2d(c, c, 3, 2, 1).grouped(c), c + 1));
      cases.add(train(new Shape(2, 7, 7, c), new Conv2d(c, c, 5, 1, 2).grouped(c), c));
      cases.add(train(new Shape(1, 11, 14, c), new Conv2d(c, c, 5, 2, 2).grouped(c), c + 1));
    }
    cases.add(train(new Shape(1, 7, 6, 20), new Conv2d(20, 20, 7, 1, 3).grouped(20), 1));
    cases.add(train(new Shape(2, 9, 10, 20), new Conv2d(20, 20, 4, 3, 1).grouped(20), 2));
    cases.add(train(new Shape(2, 7, 8, 20), new Conv2d(20, 20, 2, 3, 0).grouped(20), 3));
    cases.add(train(new Shape(5, 1, 1, 32), new Conv2d(32, 32, 3, 1, 1).grouped(32), 4));
    cases.add(train(new Shape(2, 14, 13, 48), new Conv2d(48, 48, 3, 1, 1).grouped(6), 5));
    cases.add(train(new Shape(2, 13, 14, 104), new Conv2d(104, 104, 3, 2, 1).grouped(13), 6));
    cases.add(train(new Shape(1, 6, 7, 64), new Conv2d(64, 64, 5, 1, 2).grouped(4), 7));
    cases.add(train(new Shape(2, 5, 7, 64), new Conv2d(64, 128, 3, 2, 0).grouped(4), 8));
    cases.addAll(groupsOfEight());
    return cases.stream().flatMap(this::runs);
  }

  /** RegNet-Y 400MF's, with fewer rows, and odd ones. */
  private static List<OpCase> groupsOfEight() {
    List<OpCase> cases = new ArrayList<>();
    int[][] sizes = {
      {48, 112, 2},
      {104, 56, 2},
      {104, 28, 1},
      {208, 28, 2},
      {208, 14, 1},
      {440, 14, 2},
      {440, 7, 1}
    };
    for (int[] s : sizes) {
      Conv2d conv = new Conv2d(s[0], s[0], 3, s[2], 1).grouped(s[0] / 8);
      Shape x = new Shape(2, 7, s[1], s[0]);
      cases.add(train(x, conv, s[1]));
      for (Residual residual : Residual.values()) {
        cases.add(
            new OpCase(
                type -> Specs.foldedConv(x, conv, type, 1e-5, residual, Activation.RELU),
                residual == Residual.ADD ? Map.of(Slot.RESIDUAL, Slot.Y) : Map.of(),
                OpCase.Inputs.REALS,
                s[1]));
      }
    }
    Axis one = new Axis(1, 1, 0);
    Axis three = new Axis(3, 1, 1);
    cases.add(train(new Shape(5, 1, 1, 24), new Conv2d(24, 24, 3, 1, 1).grouped(3), 1));
    cases.add(train(new Shape(3, 2, 9, 40), new Conv2d(40, 40, 3, 1, 2).grouped(5), 2));
    cases.add(train(new Shape(1, 9, 4, 16), new Conv2d(16, 16, 3, 1, 0).grouped(2), 3));
    cases.add(train(new Shape(2, 5, 8, 16), new Conv2d(16, 16, 3, 2, 2).grouped(2), 4));
    cases.add(train(new Shape(2, 3, 9, 24), new Conv2d(24, 24, one, three).grouped(3), 5));
    cases.add(
        train(new Shape(2, 11, 8, 24), new Conv2d(24, 24, new Axis(5, 3, 2), three).grouped(3), 6));
    return cases;
  }

  private static OpCase train(Shape x, int k, int padding, long seed) {
    Axis axis = new Axis(3, 1, padding);
    return train(x, new Conv2d(x.c(), k, axis, axis), seed);
  }

  private static OpCase train(Shape x, Conv2d conv, long seed) {
    GradientWrite data = seed % 2 == 0 ? GradientWrite.ACCUMULATE : GradientWrite.OVERWRITE;
    Function<DType, OpSpec> spec =
        type -> Specs.conv(x, conv, type, Pass.TRAINING, data, GradientWrite.OVERWRITE);
    return new OpCase(spec, Map.of(), OpCase.Inputs.REALS, seed);
  }

  @ParameterizedTest
  @MethodSource({"cases", "shapes", "grouped"})
  void computesWhatTheReferenceDoes(Run run) {
    OpSpec spec = run.op.spec().apply(run.type);
    OpSpec inDouble = run.op.spec().apply(DType.F64);
    Map<Slot, double[]> inputs = run.op.values(run.type);
    Map<Slot, double[]> expected = OpRun.run(reference, inDouble, inputs, Map.of());
    expected.keySet().retainAll(OpRun.written(inDouble));
    List<Comparison> all =
        OpCheck.compare(
            new CheckedBackend(forced(run.candidate)),
            spec,
            run.op.aliases(),
            new OpCheck.Given(inputs, expected),
            bound(run, spec));
    assertThat(all).isNotEmpty().allMatch(Comparison::ok);
  }

  private Bound bound(Run run, OpSpec spec) {
    if (run.type == DType.BF16) {
      return OpCheck.bound(cpu, spec);
    }
    return run.candidate.equals("winograd")
        ? WINOGRAD
        : spec.macs() > FEW ? LONG_SUMS : OpCheck.bound(cpu, spec);
  }

  private ForwardingBackend forced(String candidate) {
    return new ForwardingBackend(cpu) {
      @Override
      public OpPlan plan(OpSpec spec) {
        OpPlan plan = cpu.plan(spec, candidate);
        assertThat(plan).as("a plan with %s", candidate).isNotNull();
        return plan;
      }
    };
  }

  @ParameterizedTest
  @CsvSource({"winograd, 1", "grouped, 48", "grouped, 6"})
  void twoRunsGiveTheSameBits(String candidate, int groups) {
    Conv2d conv = new Conv2d(48, 48, 3, 1, 1).grouped(groups);
    OpCase op = train(new Shape(3, 13, 11, 48), conv, 3);
    OpSpec spec = op.spec().apply(DType.F32);
    Map<Slot, double[]> inputs = op.values(DType.F32);
    Map<Slot, double[]> first = OpRun.run(forced(candidate), spec, inputs, Map.of());
    Map<Slot, double[]> second = OpRun.run(forced(candidate), spec, inputs, Map.of());
    assertThat(first).containsKeys(Slot.Y, Slot.DX, Slot.DWEIGHT);
    first.forEach((slot, values) -> assertThat(second.get(slot)).as("%s", slot).isEqualTo(values));
  }
}
