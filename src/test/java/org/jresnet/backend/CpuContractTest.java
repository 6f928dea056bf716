package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.backend.cpu.CpuBackend;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.check.OpCase;
import org.jresnet.check.OpRun;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;
import org.junit.jupiter.api.Test;

/** The oneDNN backend against the reference backend, which gets the same rounded inputs. */
class CpuContractTest extends BackendContract {
  private final Backend reference = new ReferenceBackend();

  @Override
  Backend open() {
    return new CpuBackend();
  }

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public List<Precision> precisions() {
    return List.of(Precision.FP32, Precision.BF16);
  }

  @Override
  public Map<Slot, double[]> expected(OpSpec inDouble, Map<Slot, double[]> inputs) {
    Map<Slot, double[]> written = new TreeMap<>(OpRun.run(reference, inDouble, inputs, Map.of()));
    keepWritten(written, inDouble);
    return written;
  }

  /** Leaves of a reference run what a backend must write, too. */
  static void keepWritten(Map<Slot, double[]> written, OpSpec inDouble) {
    written.keySet().retainAll(OpRun.written(inDouble));
  }

  /** Elsewhere {@code computesOrSaysThatItCannot} would be content with a refusal. */
  @Test
  void batchNormsTakeARelu6AlongInTraining() {
    assumeFalse(backend().description().contains("sse41"), "oneDNN keeps no mask of bits there");
    for (OpCase op : OpCase.Kind.CLIPPED_NORM.cases()) {
      for (DType type : List.of(DType.F32, DType.BF16)) {
        OpSpec spec = op.spec().apply(type);
        // For 24 channels oneDNN keeps bytes on machines with AVX-512.
        if (spec.adds() || spec.y().c() != 24) {
          assertThat(backend().supports(spec)).as("%s", spec).isEqualTo(Support.yes());
        }
      }
    }
  }

  /**
   * oneDNN starts from the lowest finite number and keeps a value unless another is greater: NaN
   * loses every comparison, and a window of nothing but −∞ gives −3.4e38.
   */
  @Override
  public boolean maxPoolKeepsNonFinite() {
    return false;
  }
}
