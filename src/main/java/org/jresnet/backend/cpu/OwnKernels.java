package org.jresnet.backend.cpu;

import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.cpu.vector.Rows;
import org.jresnet.backend.cpu.vector.Scratch;
import org.jresnet.backend.cpu.vector.WeightGradient;
import org.jresnet.backend.cpu.vector.Window;
import org.jresnet.graph.Axis;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.OneDnn;

/**
 * What kernels of our own run on: workers and the arrays that they overwrite in turn. Its classes
 * need the Vector API, so nothing else may touch them before {@link VectorApi} has said yes.
 */
record OwnKernels(OneDnn dnn, Workers workers, Scratch scratch) {
  OwnKernels(OneDnn dnn, Workers workers) {
    this(dnn, workers, new Scratch(workers.count()));
  }

  /** Adds the call of a kernel that computes the gradient of filters. */
  void filterGradient(CpuBinding op, Operands operands, WeightGradient kernel, String name) {
    Rows x = rows(operands.get(Slot.X));
    Rows dy = rows(operands.get(Slot.DY));
    Rows dw = rows(operands.get(Slot.DWEIGHT));
    Workers.Task task = worker -> kernel.run(worker, x, dy, dw, workers::meet);
    long bytes =
        operands.get(Slot.X).bytes()
            + operands.get(Slot.DY).bytes()
            + operands.get(Slot.DWEIGHT).bytes();
    op.kernel(Phase.BACKWARD, "backward weights", name, bytes, () -> workers.run(task));
  }

  /** A convolution's window along one side. */
  static Window window(Axis axis) {
    return new Window(axis.size(), axis.stride(), axis.padding(), axis.dilation());
  }

  /** A view of an F32 or BF16 tensor. */
  static Rows rows(Tensor tensor) {
    return tensor.type() == DType.F32
        ? Rows.floats(CpuBuffer.bytes(tensor))
        : Rows.halves(CpuBuffer.bytes(tensor));
  }
}
