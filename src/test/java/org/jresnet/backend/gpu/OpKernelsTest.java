package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jresnet.backend.Backend;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.check.Bound;
import org.jresnet.check.Comparison;
import org.jresnet.check.OpCase;
import org.jresnet.check.OpRun;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Ops of our CUDA kernels, compiled as C++, against the reference backend. */
class OpKernelsTest extends KernelTest {
  /** An op of the contract in one type. */
  record Run(DType type, OpCase op) {
    @Override
    public String toString() {
      return type + " " + op;
    }
  }

  static Stream<Run> ops() {
    return Stream.of(DType.F32, DType.BF16, DType.F16)
        .flatMap(
            type ->
                ofOwnKernels()
                    .filter(c -> writes(c.spec().apply(type)))
                    .map(c -> new Run(type, c)));
  }

  /** What the gpu backend computes, or can compute, with kernels of its own. */
  private static Stream<OpCase> ofOwnKernels() {
    return Stream.of(
            OpCase.Kind.NORM,
            OpCase.Kind.POINTWISE,
            OpCase.Kind.ACTIVATION,
            OpCase.Kind.MOVES,
            OpCase.Kind.FACTORS,
            OpCase.Kind.WINDOWS,
            OpCase.Kind.POOLS)
        .flatMap(kind -> kind.cases().stream())
        .filter(c -> !(op(c) instanceof Conv2d) && !(op(c) instanceof Op.MaxPool));
  }

  private static Op op(OpCase one) {
    return one.spec().apply(DType.F64).op();
  }

  /** The backend refuses to add to these. */
  private static boolean writes(OpSpec spec) {
    return !(spec.op() instanceof Op.BatchNorm)
        || !spec.gradients().containsValue(GradientWrite.ACCUMULATE);
  }

  @ParameterizedTest
  @MethodSource("ops")
  void opsComputeWhatTheReferenceComputes(Run run) {
    OpSpec spec = run.op.spec().apply(run.type);
    Map<Slot, double[]> inputs = run.op.values(run.type);
    try (Backend host = new HostDevice();
        Backend reference = new ReferenceBackend()) {
      Map<Slot, double[]> expected =
          new TreeMap<>(
              OpRun.run(reference, run.op.spec().apply(DType.F64), inputs, run.op.aliases()));
      Map<Slot, double[]> actual = OpRun.run(host, spec, inputs, run.op.aliases());
      Bound bound =
          switch (run.type) {
            case F32 -> new Bound.Norm(2e-6);
            case F16 -> new Bound.Norm(2e-3);
            default -> new Bound.Norm(1e-2);
          };
      assertThat(actual.keySet()).isEqualTo(expected.keySet());
      actual.forEach(
          (slot, values) -> {
            if (nearlyNothing(spec, slot)) {
              return;
            }
            assertThat(
                    bound.compare(
                        slot.name(), OpRun.extents(spec, slot), values, expected.get(slot)))
                .matches(Comparison::ok);
          });
    }
  }

  /** With two values per channel a batch norm's dx cancels to O(eps): nothing to compare. */
  private static boolean nearlyNothing(OpSpec spec, Slot slot) {
    return slot == Slot.DX
        && spec.op() instanceof Op.BatchNorm
        && spec.mode() == Mode.TRAIN
        && spec.y().perChannel() <= 2;
  }

  // Memory.
}
