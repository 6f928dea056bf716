package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jresnet.check.Bound;
import org.jresnet.check.Comparison;
import org.jresnet.check.OpCase;
import org.jresnet.check.OpCheck;
import org.jresnet.check.OpRun;
import org.jresnet.check.Specs;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Single ops in every case, against what they must give in double precision. */
interface OpContract extends BackendUnderTest {
  /** One case in one precision; its text is the name of the test. */
  record Run(String backend, Precision precision, OpCase.Kind kind, int number, OpCase op) {
    @Override
    public String toString() {
      return backend + " " + precision.id() + " " + op;
    }

    String command() {
      return kind.command(number, backend, precision);
    }
  }

  private Stream<Run> runs(OpCase.Kind kind) {
    List<OpCase> cases = kind.cases();
    assertThat(cases).as(kind.id()).isNotEmpty();
    return precisions().stream()
        .flatMap(
            precision ->
                IntStream.range(0, cases.size())
                    .mapToObj(i -> new Run(name(), precision, kind, i, cases.get(i))));
  }

  default Stream<Run> cases() {
    return Arrays.stream(OpCase.Kind.values())
        .filter(kind -> !kind.refusable())
        .flatMap(this::runs);
  }

  default Stream<Run> refusable() {
    return Arrays.stream(OpCase.Kind.values()).filter(OpCase.Kind::refusable).flatMap(this::runs);
  }

  @ParameterizedTest
  @MethodSource("cases")
  default void computes(Run run) {
    check(run);
  }

  @ParameterizedTest
  @MethodSource("refusable")
  default void computesOrSaysThatItCannot(Run run) {
    require(run.precision);
    if (backend().supports(run.op.spec().apply(run.precision.activation()))
        instanceof Support.No no) {
      assertThat(no.reason()).isNotBlank();
      return;
    }
    check(run);
  }

  private void check(Run run) {
    require(run.precision);
    OpSpec spec = run.op.spec().apply(run.precision.activation());
    assertThat(backend().supports(spec)).as("support of %s", spec).isEqualTo(Support.yes());
    Map<Slot, double[]> inputs = run.op.values(spec.type());
    Map<Slot, double[]> expected = expected(run.op.spec().apply(DType.F64), inputs);
    boolean exact =
        spec.type() != DType.BF16
            && spec.type() != DType.F16
            && run.op.inputs() != OpCase.Inputs.REALS;
    Bound bound = exact ? EXACT : OpCheck.bound(backend(), spec);
    try {
      compare(spec, run.op.aliases(), inputs, expected, bound);
    } catch (AssertionError e) {
      throw new AssertionError(e.getMessage() + "\n" + run + "\n" + run.command(), e);
    }
  }

  default Stream<Run> someOfEach() {
    return Arrays.stream(OpCase.Kind.values())
        .filter(kind -> !kind.refusable())
        .flatMap(kind -> IntStream.range(0, 3).mapToObj(i -> some(kind, i)))
        .flatMap(Function.identity());
  }

  private Stream<Run> some(OpCase.Kind kind, int third) {
    int number = third * kind.cases().size() / 3;
    return runs(kind).filter(run -> run.number == number);
  }

  /** What bit-identical resuming is built on. */
  @ParameterizedTest
  @MethodSource("someOfEach")
  default void givesTheSameBitsAgain(Run run) {
    require(run.precision);
    OpSpec spec = run.op.spec().apply(run.precision.activation());
    Map<Slot, double[]> inputs = run.op.values(spec.type());
    Map<Slot, double[]> first = OpRun.run(checked(), spec, inputs, run.op.aliases());
    OpRun.run(checked(), spec, inputs, run.op.aliases())
        .forEach(
            (slot, again) ->
                assertThat(
                        new Bound.Untouched()
                            .compare(
                                slot + " in the second run of " + run,
                                OpRun.extents(spec, slot),
                                again,
                                first.get(slot)))
                    .matches(Comparison::ok));
  }

  /** Weights packed at one time must not be used after they have changed. */
  @ParameterizedTest
  @MethodSource("precisions")
  default void preparesAgainAfterParametersChanged(Precision precision) {
    require(precision);
    Shape x = new Shape(1, 1, 1, 16);
    OpSpec spec =
        Specs.conv(
            x,
            new Conv2d(16, 16, 1, 1, 0),
            precision.activation(),
            Pass.INFERENCE,
            GradientWrite.NONE,
            GradientWrite.NONE);
    try (OpPlan plan = backend().plan(spec);
        Buffer memory = backend().allocate("a test", 1 << 16);
        Buffer extra = backend().allocate("a test", 1 << 20)) {
      Tensor in = new Tensor(memory, 0, precision.activation(), 16);
      Tensor out = new Tensor(memory, 256, precision.activation(), 16);
      Tensor weight = new Tensor(memory, 1024, precision.parameter(), 256);
      Operands operands =
          new Operands().with(Slot.X, in).with(Slot.Y, out).with(Slot.WEIGHT, weight);
      long at = 0;
      for (Map.Entry<Slot, Long> e : OpRun.extras(plan).entrySet()) {
        operands.with(e.getKey(), new Tensor(extra, at, DType.U8, e.getValue()));
        at = (at + e.getValue() + 63) / 64 * 64;
      }
      try (BoundOp op = plan.bind(operands)) {
        double[] values = IntStream.range(0, 16).mapToDouble(i -> i).toArray();
        OpRun.write(in, values);
        for (int factor : new int[] {1, -3}) {
          double[] diagonal = new double[256];
          IntStream.range(0, 16).forEach(i -> diagonal[i * 17] = factor);
          OpRun.write(weight, diagonal);
          op.prepare();
          double[] expected = Arrays.stream(values).map(v -> factor * v).toArray();
          for (String run : List.of("first run", "second run of one preparation")) {
            OpRun.poison(operands);
            op.forward();
            assertThat(EXACT.compare(run, new int[] {1, 1, 1, 16}, OpRun.read(out), expected))
                .matches(Comparison::ok);
          }
        }
      }
    }
  }
}
