package org.jresnet.backend;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.backend.cpu.CpuBackend;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.check.OpRun;
import org.jresnet.graph.Slot;

/** The oneDNN backend against the reference backend, which gets the same rounded inputs. */
class CpuContractTest extends BackendContract {
  private final Backend reference = new ReferenceBackend();

  @Override
  Backend open() {
    return new CpuBackend();
  }

  @Override
  String name() {
    return "cpu";
  }

  @Override
  List<Precision> precisions() {
    return List.of(Precision.FP32, Precision.BF16);
  }

  @Override
  Map<Slot, double[]> expected(OpSpec inDouble, Map<Slot, double[]> inputs) {
    Map<Slot, double[]> written = new TreeMap<>(OpRun.run(reference, inDouble, inputs, Map.of()));
    keepWritten(written, inDouble);
    return written;
  }

  /** Leaves of a reference run what a backend must write, too. */
  static void keepWritten(Map<Slot, double[]> written, OpSpec inDouble) {
    written.keySet().retainAll(OpRun.written(inDouble));
  }

  /**
   * oneDNN starts from the lowest finite number and keeps a value unless another is greater: NaN
   * loses every comparison, and a window of nothing but −∞ gives −3.4e38.
   */
  @Override
  boolean maxPoolKeepsNonFinite() {
    return false;
  }
}
