package org.jresnet.nativebindings.cuda;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;

/** An executable way to compute an {@link OpGraph}, which must stay open as long. */
public final class CudnnPlan implements AutoCloseable {
  private final Descriptor descriptor;
  private final long workspaceBytes;
  private final EngineConfig config;

  CudnnPlan(EngineConfig config, Target target) {
    this.config = config;
    descriptor = new Descriptor(cudnn.CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "execution plan");
    try {
      if (target instanceof CudnnHandle handle) {
        descriptor.set(Attribute.handle(cudnn.CUDNN_ATTR_EXECUTION_PLAN_HANDLE), handle.handle());
      } else if (target instanceof DeviceProperties device) {
        descriptor.set(
            Attribute.descriptor(cudnn.CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP), device.descriptor());
      }
      descriptor.set(
          Attribute.descriptor(cudnn.CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG), config.descriptor());
      descriptor.finish();
      workspaceBytes = descriptor.int64(cudnn.CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
    } catch (RuntimeException e) {
      descriptor.close();
      throw e;
    }
  }

  /** How it computes. */
  public EngineConfig config() {
    return config;
  }

  /** Scratch memory that a run needs. */
  public long workspaceBytes() {
    return workspaceBytes;
  }

  /** cuDNN's own description, with the kernel's tile sizes and the like. */
  public String json() {
    return descriptor.text(cudnn.CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION);
  }

  /** Collects what the tensors of a graph are tied to. */
  public static final class Bindings {
    private final List<Long> uids = new ArrayList<>();
    private final List<Pointer> pointers = new ArrayList<>();
    private final List<Pointer> numbers = new ArrayList<>();

    /** Ties a tensor to device memory. */
    public Bindings add(OpGraph.Value value, DeviceMemory memory, long offset) {
      uids.add(value.uid());
      pointers.add(memory.at(offset, 0));
      return this;
    }

    /** Gives a number of the host. */
    public Bindings add(OpGraph.Value value, float number) {
      FloatPointer pointer = new FloatPointer(new float[] {number});
      numbers.add(pointer);
      uids.add(value.uid());
      pointers.add(pointer);
      return this;
    }
  }

  /** A plan with its memory; a run allocates nothing. */
  public final class Bound implements AutoCloseable {
    private final Descriptor pack;
    private final List<Pointer> numbers;

    private Bound(Bindings bindings, Pointer workspace) {
      numbers = bindings.numbers;
      pack = new Descriptor(cudnn.CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "variant pack");
      pack.set(
          Attribute.int64s(cudnn.CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS),
          bindings.uids.stream().mapToLong(Long::longValue).toArray());
      pack.set(
          Attribute.addresses(cudnn.CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS),
          bindings.pointers.toArray(Pointer[]::new));
      pack.set(Attribute.address(cudnn.CUDNN_ATTR_VARIANT_PACK_WORKSPACE), workspace);
      pack.finish();
    }

    /** Sends the work to the handle's stream. */
    public void run(CudnnHandle handle) {
      Check.dnn(
          cudnn.cudnnBackendExecute(handle.handle(), descriptor.handle(), pack.handle()),
          "running a plan");
    }

    @Override
    public void close() {
      pack.close();
      numbers.forEach(Pointer::close);
    }
  }

  /** Ties the plan to memory. */
  public Bound bind(Bindings bindings) {
    return new Bound(bindings, new BytePointer((Pointer) null));
  }

  /** Ties the plan to memory with a workspace of at least {@link #workspaceBytes()}. */
  public Bound bind(Bindings bindings, DeviceMemory workspace, long offset) {
    return new Bound(bindings, workspace.at(offset, workspaceBytes));
  }

  @Override
  public void close() {
    descriptor.close();
  }
}
