package org.jresnet.backend;

import java.util.List;
import java.util.Map;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.check.OpCase;
import org.jresnet.graph.Slot;

/** The reference backend against definitions that share nothing with it, and against PyTorch. */
class ReferenceContractTest extends BackendContract {
  @Override
  Backend open() {
    return new ReferenceBackend();
  }

  @Override
  String name() {
    return "reference";
  }

  @Override
  List<Precision> precisions() {
    return List.of(Precision.FP64);
  }

  @Override
  Map<Slot, double[]> expected(OpSpec inDouble, Map<Slot, double[]> inputs) {
    return Definitions.of(inDouble, inputs);
  }

  /** These are held to PyTorch's numbers and to central differences instead. */
  @Override
  boolean isDefined(OpCase.Kind kind) {
    return switch (kind) {
      case MOVES, FACTORS, WINDOWS -> false;
      default -> true;
    };
  }

  @Override
  boolean maxPoolKeepsNonFinite() {
    return true;
  }
}
