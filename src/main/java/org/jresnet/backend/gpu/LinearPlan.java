package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.jresnet.nativebindings.cuda.MatrixProduct;
import org.jresnet.nativebindings.cuda.MatrixProduct.Extents;
import org.jresnet.nativebindings.cuda.MatrixProduct.Math;
import org.jresnet.nativebindings.cuda.MatrixProduct.Order;

/**
 * Linear layer through cuBLASLt, in single precision whatever the activations are: it is 0.1 % of
 * the network's work, and so neither weights nor the gradient of the logits are rounded.
 */
final class LinearPlan extends GpuPlan {
  private static final long WORKSPACE = 32L << 20;
  private final int n;
  private final int c;
  private final int k;
  private final boolean narrow;

  LinearPlan(Planner planner, OpSpec spec) {
    super(planner, spec);
    requireNoAccumulation(spec.write(Slot.DWEIGHT), "dweight and dbias");
    n = spec.x().n();
    c = spec.x().c();
    k = spec.y().c();
    narrow = spec.type() == DType.BF16 || spec.type() == DType.F16;
    boolean keeps = narrow && spec.write(Slot.DWEIGHT) != GradientWrite.NONE;
    if (keeps) {
      saved(wideBytes());
    }
    // cuBLASLt's own workspace, then x (unless kept) or dx in single precision.
    temporaries(WORKSPACE + align(wideBytes()));
  }

  private long wideBytes() {
    return (long) n * c * 4;
  }

  @Override
  String ownKernels() {
    return "cublasLt";
  }

  private static MatrixProduct.Factors factors(
      Place left, Place right, Place into, Place workspace) {
    return new MatrixProduct.Factors(matrix(left), matrix(right), matrix(into), matrix(workspace));
  }

  private static MatrixProduct.Matrix matrix(Place place) {
    return new MatrixProduct.Matrix(place.memory(), place.offset());
  }

  private MatrixProduct product(Device device, Extents extents, Order a, Order b) {
    Math math = spec.type() == DType.TF32 ? Math.TF32 : Math.FP32;
    return new MatrixProduct(device.blas(), extents, a, b, math, WORKSPACE);
  }

  @Override
  protected void build(GpuBinding op, Operands operands) {
    Device device = op.device();
    Place blasScratch = op.at(Slot.SCRATCH, temporary(0));
    Place wide = op.at(Slot.SCRATCH, temporary(WORKSPACE));
    Place x = op.at(Slot.X);
    String type = Gpu.suffix(spec.type());
    long elements = (long) n * c;
    if (narrow) {
      Place target = savedBytes() > 0 ? op.at(Slot.SAVED) : wide;
      op.kernel(
          FORWARD,
          "widen_" + type,
          elements,
          elements * 6,
          new Arguments().add(x.address()).add(target.address()).add(elements));
      x = target;
    }
    Place weight = op.at(Slot.WEIGHT);
    Place y = op.at(Slot.Y);
    // y = x · weightᵀ
    op.product(
        FORWARD,
        "forward",
        product(device, new Extents(n, k, c), Order.AS_STORED, Order.TRANSPOSED),
        factors(x, weight, y, blasScratch));
    Pointwise.addBias(op, spec, y);
    if (spec.write(Slot.DWEIGHT) != GradientWrite.NONE) {
      Place dy = op.at(Slot.DY);
      // dweight = dyᵀ · x
      op.product(
          BACKWARD,
          "backward weights",
          product(device, new Extents(k, c, n), Order.TRANSPOSED, Order.AS_STORED),
          factors(dy, x, op.at(Slot.DWEIGHT), blasScratch));
      new ChannelTiles(planner.limits(), DType.F32, k, n)
          .sums(op, BACKWARD, dy, op.at(Slot.DBIAS), blasScratch);
    }
    if (spec.write(Slot.DX) != GradientWrite.NONE) {
      boolean direct = !narrow && spec.write(Slot.DX) == GradientWrite.OVERWRITE;
      Place target = direct ? op.at(Slot.DX) : wide;
      // dx = dy · weight
      op.product(
          BACKWARD,
          "backward data",
          product(device, new Extents(n, c, k), Order.AS_STORED, Order.AS_STORED),
          factors(op.at(Slot.DY), weight, target, blasScratch));
      if (!direct) {
        op.kernel(
            BACKWARD,
            "narrow_" + type,
            elements,
            elements * 6,
            new Arguments()
                .add(wide.address())
                .add(op.at(Slot.DX).address())
                .add(adds(Slot.DX))
                .add(elements));
      }
    }
  }
}
