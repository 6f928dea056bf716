package org.jresnet.nativebindings.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/** A kernel of a {@link KernelModule}. */
public final class Kernel {
  private final String name;
  private final CUfunc_st function;

  Kernel(String name, CUfunc_st function) {
    this.name = name;
    this.function = function;
  }

  /**
   * How many threads run.
   *
   * @param blocks number of blocks
   * @param threads per block
   * @param sharedBytes of dynamic shared memory per block
   */
  public record Grid(int blocks, int threads, int sharedBytes) {
    /** One thread per element, at most {@code most} blocks; kernels loop over the rest. */
    public static Grid over(long elements, int threads, int most) {
      long blocks = Math.max(1, (elements + threads - 1) / threads);
      return new Grid((int) Math.min(blocks, most), threads, 0);
    }
  }

  /** Collects arguments in the order of the kernel's parameters. */
  public static final class Arguments {
    private final List<Object> values = new ArrayList<>();

    /** The bits of each argument, zero-extended. */
    public long[] bits() {
      return values.stream()
          .mapToLong(
              v ->
                  v instanceof Float f
                      ? Integer.toUnsignedLong(Float.floatToRawIntBits(f))
                      : v instanceof Double d
                          ? Double.doubleToRawLongBits(d)
                          : v instanceof Integer i ? Integer.toUnsignedLong(i) : (Long) v)
          .toArray();
    }

    /** A device address. */
    public Arguments add(long address) {
      values.add(address);
      return this;
    }

    /** A 32-bit integer. */
    public Arguments add(int value) {
      values.add(value);
      return this;
    }

    /** A single-precision number. */
    public Arguments add(float value) {
      values.add(value);
      return this;
    }

    /** A double-precision number. */
    public Arguments add(double value) {
      values.add(value);
      return this;
    }
  }

  /** A launch with fixed arguments, which allocates nothing when it runs. */
  public final class Launch implements AutoCloseable {
    private static final int SLOT = 8;
    private final Grid grid;
    private final BytePointer storage;
    private final PointerPointer<Pointer> pointers;
    private final ByteBuffer view;

    private Launch(Grid grid, Arguments arguments) {
      this.grid = grid;
      int count = arguments.values.size();
      storage = new BytePointer((long) SLOT * Math.max(count, 1));
      view = storage.asByteBuffer().order(ByteOrder.nativeOrder());
      pointers = new PointerPointer<>(Math.max(count, 1));
      long[] bits = arguments.bits();
      for (int i = 0; i < count; i++) {
        view.putLong(i * SLOT, bits[i]);
        pointers.put(i, storage.getPointer((long) i * SLOT));
      }
    }

    /** Sends the kernel to the stream. */
    public void run(CudaStream stream) {
      Check.driver(
          cudart.cuLaunchKernel(
              function,
              grid.blocks,
              1,
              1,
              grid.threads,
              1,
              1,
              grid.sharedBytes,
              stream.handle(),
              pointers,
              null),
          "launching " + name);
    }

    @Override
    public void close() {
      pointers.close();
      storage.close();
    }
  }

  /** Ties the kernel to its arguments. */
  public Launch bind(Grid grid, Arguments arguments) {
    return new Launch(grid, arguments);
  }
}
