package org.jresnet.backend;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.check.OpRun;
import org.jresnet.graph.Slot;
import org.jresnet.testing.TestBackends;

/** The gpu backend against the reference backend, which gets the same rounded inputs. */
class GpuContractTest extends BackendContract {
  private final Backend reference = new ReferenceBackend();

  @Override
  Backend open() {
    return TestBackends.open("gpu");
  }

  @Override
  String name() {
    return "gpu";
  }

  @Override
  List<Precision> precisions() {
    return List.of(Precision.FP32, Precision.TF32, Precision.BF16, Precision.FP16);
  }

  @Override
  Map<Slot, double[]> expected(OpSpec inDouble, Map<Slot, double[]> inputs) {
    Map<Slot, double[]> written = new TreeMap<>(OpRun.run(reference, inDouble, inputs, Map.of()));
    CpuContractTest.keepWritten(written, inDouble);
    return written;
  }

  @Override
  boolean maxPoolKeepsNonFinite() {
    return true;
  }
}
