package org.jresnet.backend.cpu;

import static org.jresnet.backend.Phase.BACKWARD;

import java.util.Map;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.onednn.Arg;
import org.jresnet.nativebindings.onednn.DataType;
import org.jresnet.nativebindings.onednn.Desc;
import org.jresnet.nativebindings.onednn.InnerProduct;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.jresnet.nativebindings.onednn.PrimitiveDesc;

/**
 * The gradient of 1x1 filters as oneDNN's product of two matrices, {@code dw = dyᵀ·x} over all
 * pixels. Its GEMM copies both matrices into blocks first, which pays where they come from memory:
 * the loops that oneDNN has for these convolutions read them with strides.
 */
final class ProductWeightsPlan extends CpuPlan {
  private static final String GEMM = "gemm";

  private final Desc x;
  private final Desc dy;
  private final Desc dweight;
  private final PrimitiveDesc product;

  ProductWeightsPlan(OneDnn dnn, OpSpec spec) {
    super(dnn, spec);
    requireNoAccumulation(spec.write(Slot.DWEIGHT), "dweight");
    x = pixels(spec.x());
    dy = pixels(spec.y());
    dweight = scope.matrix(DataType.F32, spec.y().c(), spec.x().c());
    product =
        require(
            new InnerProduct(scope)
                .backwardWeights(
                    x,
                    scope.matrix(dataType(spec.type()), spec.y().c(), spec.x().c()),
                    dweight,
                    dy,
                    GEMM),
            "a product of matrices");
  }

  /** One row a pixel. */
  private Desc pixels(Shape shape) {
    return scope.matrix(dataType(spec.type()), (long) shape.n() * shape.h() * shape.w(), shape.c());
  }

  /** Whether this plan can compute that part of an op. */
  static boolean suits(Part part) {
    OpSpec spec = part.spec();
    return spec.op() instanceof Conv2d op
        && op.groups() == 1
        && suits(op.rows())
        && suits(op.columns())
        && (spec.type() == DType.F32 || spec.type() == DType.BF16)
        && spec.write(Slot.DWEIGHT) != GradientWrite.NONE
        && spec.gradients().size() == 1;
  }

  private static boolean suits(Axis axis) {
    return axis.size() == 1 && axis.stride() == 1 && axis.padding() == 0;
  }

  @Override
  public String implementation() {
    return product.implementation();
  }

  @Override
  protected void build(CpuBinding op, Operands operands) {
    op.call(
        BACKWARD,
        product,
        Map.of(
            Arg.SRC, op.at(x, Slot.X),
            Arg.DIFF_DST, op.at(dy, Slot.DY),
            Arg.DIFF_WEIGHTS, op.at(dweight, Slot.DWEIGHT)));
  }
}
