package org.jresnet.backend.gpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.CallLists;
import org.jresnet.backend.OpCall;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Tensor;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.CudnnPlan;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.MatrixProduct;

/** Three fixed lists of work for the device over bound memory. */
final class GpuOp implements BoundOp {
  private final CallLists calls;
  private final List<AutoCloseable> owned;

  private GpuOp(Builder builder) {
    calls = new CallLists(builder.calls);
    owned = builder.owned;
  }

  @Override
  public List<OpCall> calls() {
    return calls.all();
  }

  @Override
  public void prepare() {
    calls.prepare();
  }

  @Override
  public void forward() {
    calls.forward();
  }

  @Override
  public void backward() {
    calls.backward();
  }

  @Override
  public void close() {
    Gpu.closeAll(owned);
  }

  /**
   * Collects calls; the scratch memory starts with the scratch memory that all engines share in
   * turn.
   */
  static final class Builder {
    private final Device device;
    private final Operands operands;
    private final long macs;
    private final List<OpCall> calls = new ArrayList<>();
    private final List<AutoCloseable> owned = new ArrayList<>();

    Builder(Device device, OpSpec spec, Operands operands) {
      this.device = device;
      this.operands = operands;
      macs = spec.macs();
    }

    Device device() {
      return device;
    }

    Place at(Slot slot) {
      return at(slot, 0);
    }

    Place at(Slot slot, long offset) {
      Tensor tensor = operands.get(slot);
      return new Place(DeviceBuffer.memory(tensor), tensor.offset() + offset);
    }

    /** Adds an engine of cuDNN; {@code numbers} are the host's. */
    void engine(
        Phase phase,
        String operation,
        Planned planned,
        Map<String, Place> places,
        Map<String, Float> numbers) {
      CudnnPlan.Bindings bindings = new CudnnPlan.Bindings();
      places.forEach((name, p) -> bindings.add(planned.value(name), p.memory(), p.offset()));
      numbers.forEach((name, value) -> bindings.add(planned.value(name), value));
      CudnnPlan.Bound bound;
      if (planned.plan().workspaceBytes() > 0) {
        Place workspace = at(Slot.SCRATCH);
        bound = planned.plan().bind(bindings, workspace.memory(), workspace.offset());
      } else {
        bound = planned.plan().bind(bindings);
      }
      owned.add(bound);
      boolean products = operation.startsWith("convolution");
      calls.add(
          new OpCall(
              phase,
              products ? operation.substring("convolution ".length()) : operation,
              planned.choice().text(),
              products ? 2 * macs : 0,
              planned.graph().bytes(),
              () -> bound.run(device.dnn())));
    }

    /** Adds a kernel of our own over that many elements. */
    void kernel(Phase phase, String name, long elements, long bytes, Kernel.Arguments arguments) {
      kernel(phase, name, Gpu.grid(elements), bytes, arguments);
    }

    void kernel(
        Phase phase, String name, Kernel.Grid grid, long bytes, Kernel.Arguments arguments) {
      Device.Launch launch = device.launch(name, grid, arguments);
      owned.add(launch);
      calls.add(new OpCall(phase, operation(name), name, 0, bytes, launch::run));
    }

    private static String operation(String kernel) {
      int type = kernel.indexOf('_');
      String operation = type < 0 ? kernel : kernel.substring(0, type);
      return operation.equals("pack") || operation.equals("unpack") ? "reorder" : operation;
    }

    /** Adds a matrix product. */
    void product(
        Phase phase, String operation, MatrixProduct product, MatrixProduct.Factors factors) {
      owned.add(product);
      MatrixProduct.Bound bound = product.bind(factors);
      owned.add(bound);
      calls.add(new OpCall(phase, operation, "cublasLt", 2 * macs, 0, () -> device.run(bound)));
    }

    /** Adds a copy within the device. */
    void copy(Phase phase, Place from, Place to, long bytes) {
      calls.add(
          new OpCall(phase, "copy", "memcpy", 0, 2 * bytes, () -> device.copy(from, to, bytes)));
    }

    GpuOp build() {
      return new GpuOp(this);
    }

    /** Frees what was made when binding fails half-way. */
    void abandon() {
      Gpu.closeAll(owned);
    }
  }
}
