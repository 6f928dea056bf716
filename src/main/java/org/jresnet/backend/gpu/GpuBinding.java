package org.jresnet.backend.gpu;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jresnet.backend.Binding;
import org.jresnet.backend.OpCall;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Tensor;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.CudnnHandle;
import org.jresnet.nativebindings.cuda.CudnnPlan;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.MatrixProduct;

/** Work for the device: engines of cuDNN, kernels of our own, matrix products, copies. */
final class GpuBinding extends Binding {
  /** What plans divide among several tensors. */
  private static final Set<Slot> PLANNED =
      Set.of(Slot.SCRATCH, Slot.ASIDE, Slot.SAVED, Slot.PACKED, Slot.HELD);

  private final Device device;
  private Lane lane;

  GpuBinding(Device device, OpSpec spec, Operands operands) {
    super(spec, operands);
    this.device = device;
    lane = device;
  }

  /**
   * Adds calls of backward that run beside what follows, from here on, until join. They may use
   * {@link Slot#ASIDE}, not {@link Slot#SCRATCH}.
   */
  void beside(Runnable adding) {
    add(new OpCall(Phase.BACKWARD, "fork", "event", 0, 0, device::fork));
    lane = device.beside();
    adding.run();
    lane = device;
    add(new OpCall(Phase.JOIN, "join", "event", 0, 0, device::join));
  }

  OpSpec spec() {
    return spec;
  }

  Device device() {
    return device;
  }

  /** What folding reads: a convolution's weights and bias, which may be absent, and its norm. */
  Kernel.Arguments foldedParameters(Operands operands) {
    return new Kernel.Arguments()
        .add(at(Slot.WEIGHT).address())
        .add(operands.has(Slot.BIAS) ? at(Slot.BIAS).address() : 0L)
        .add(at(Slot.GAMMA).address())
        .add(at(Slot.BETA).address())
        .add(at(Slot.RUNNING_MEAN).address())
        .add(at(Slot.RUNNING_VAR).address());
  }

  Place at(Slot slot) {
    return at(slot, 0);
  }

  Place at(Slot slot, long offset) {
    Tensor tensor = tensor(slot);
    if (PLANNED.contains(slot) && tensor.offset() % GpuPlan.ALIGNMENT != 0) {
      throw new IllegalArgumentException(
          String.format(
              "%s of %s starts at byte %d of its buffer; a plan of the gpu backend lays it out for"
                  + " a multiple of %d",
              slot, spec, tensor.offset(), GpuPlan.ALIGNMENT));
    }
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
      Place workspace = at(lane == device ? Slot.SCRATCH : Slot.ASIDE);
      bound = planned.plan().bind(bindings, workspace.memory(), workspace.offset());
    } else {
      bound = planned.plan().bind(bindings);
    }
    own(bound);
    CudnnHandle handle = lane.dnn();
    boolean products = operation.startsWith("convolution");
    add(
        new OpCall(
            phase,
            products ? operation.substring("convolution ".length()) : operation,
            planned.choice().text(),
            products ? flops() : 0,
            planned.graph().bytes(),
            () -> bound.run(handle)));
  }

  /** Adds filters that move; a device may move those of other ops with them. */
  void reorder(Phase phase, String kernel, Reorder.Segment segment, long bytes) {
    Reorder reorder = own(new Reorder(device, kernel, List.of(segment)));
    add(new OpCall(phase, "reorder", kernel, 0, bytes, reorder));
  }

  /** Adds a kernel of our own with a thread for each of that many items. */
  void kernel(Phase phase, String name, long items, long bytes, Kernel.Arguments arguments) {
    kernel(phase, name, Gpu.grid(device.limits(), items), bytes, arguments);
  }

  /** Adds a kernel of our own whose threads take eight elements at a time. */
  void vectorised(Phase phase, String name, long elements, long bytes, Kernel.Arguments arguments) {
    kernel(phase, name, Gpu.vectorGrid(device.limits(), elements), bytes, arguments);
  }

  void kernel(Phase phase, String name, Kernel.Grid grid, long bytes, Kernel.Arguments arguments) {
    Lane.Launch launch = lane.launch(name, grid, arguments);
    own(launch);
    add(new OpCall(phase, operation(name), name, 0, bytes, launch::run));
  }

  private static String operation(String kernel) {
    int type = kernel.indexOf('_');
    String operation = type < 0 ? kernel : kernel.substring(0, type);
    return operation.startsWith("pack") || operation.startsWith("unpack") ? "reorder" : operation;
  }

  /** Adds a matrix product. */
  void product(
      Phase phase, String operation, MatrixProduct product, MatrixProduct.Factors factors) {
    own(product);
    MatrixProduct.Bound bound = product.bind(factors);
    own(bound);
    add(new OpCall(phase, operation, "cublasLt", flops(), 0, () -> device.run(bound)));
  }

  /** Adds a copy within the device. */
  void copy(Phase phase, Place from, Place to, long bytes) {
    add(new OpCall(phase, "copy", "memcpy", 0, 2 * bytes, () -> device.copy(from, to, bytes)));
  }
}
