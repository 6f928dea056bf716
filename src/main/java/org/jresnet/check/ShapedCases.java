package org.jresnet.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.check.OpCase.Inputs;
import org.jresnet.graph.AvgPool;
import org.jresnet.graph.ChannelShuffle;
import org.jresnet.graph.ChannelSlice;
import org.jresnet.graph.Concat;
import org.jresnet.graph.DType;
import org.jresnet.graph.Dropout;
import org.jresnet.graph.MaxUnpool;
import org.jresnet.graph.Multiply;
import org.jresnet.graph.Op;
import org.jresnet.graph.Scale;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Upsample;

/** Cases of ops without a tail, whose output follows from their inputs' shapes. */
final class ShapedCases {
  private ShapedCases() {}

  /** Every policy of the inputs' gradients in training, and inference. */
  private static List<OpCase> cases(Op op, Inputs numbers, Shape... inputs) {
    List<OpCase> cases = new ArrayList<>();
    GradientWrite none = GradientWrite.NONE;
    cases.add(one(t -> Specs.of(op, List.of(inputs), t, Pass.INFERENCE, none), numbers));
    boolean pairs = inputs.length > 1 && op.differentiates(1);
    for (GradientWrite first : GradientWrite.values()) {
      for (GradientWrite others : pairs ? GradientWrite.values() : new GradientWrite[] {none}) {
        cases.add(
            one(t -> Specs.of(op, List.of(inputs), t, Pass.TRAINING, first, others), numbers));
      }
    }
    return cases;
  }

  private static OpCase one(Function<DType, OpSpec> spec, Inputs numbers) {
    return new OpCase(spec, Map.of(), numbers, spec.apply(DType.F64).toString().hashCode());
  }

  /** Concat, slice and shuffle of channels, and up-sampling. */
  static List<OpCase> moves() {
    List<OpCase> cases = new ArrayList<>();
    for (int[] nhw : new int[][] {{1, 5, 7}, {2, 8, 9}, {5, 1, 1}}) {
      Function<Integer, Shape> of = c -> new Shape(nhw[0], nhw[1], nhw[2], c);
      Shape x = of.apply(24);
      cases.addAll(cases(new Concat(2), Inputs.INTEGERS, of.apply(16), of.apply(3)));
      cases.addAll(
          cases(
              new Concat(5),
              Inputs.INTEGERS,
              of.apply(1),
              of.apply(8),
              of.apply(32),
              of.apply(5),
              of.apply(64)));
      cases.addAll(cases(new ChannelSlice(0, 12), Inputs.INTEGERS, x));
      cases.addAll(cases(new ChannelSlice(17, 5), Inputs.INTEGERS, x));
      cases.addAll(cases(new ChannelSlice(0, 24), Inputs.INTEGERS, x));
      for (int groups : new int[] {1, 2, 3, 8, 24}) {
        cases.addAll(cases(new ChannelShuffle(groups), Inputs.INTEGERS, x));
      }
      for (int scale = 1; scale <= 3; scale++) {
        cases.addAll(cases(new Upsample(scale), Inputs.INTEGERS, of.apply(scale == 2 ? 3 : 24)));
      }
    }
    return cases;
  }

  /** Products, scales, dropout and stochastic depth. */
  static List<OpCase> factors() {
    List<OpCase> cases = new ArrayList<>();
    for (Shape x :
        List.of(
            new Shape(1, 5, 7, 3),
            new Shape(2, 8, 9, 16),
            new Shape(5, 3, 3, 100),
            new Shape(2, 1, 1, 64))) {
      cases.addAll(cases(new Multiply(), Inputs.INTEGERS, x, new Shape(x.n(), 1, 1, x.c())));
      cases.addAll(cases(new Multiply(), Inputs.INTEGERS, x, x));
      cases.addAll(cases(new Scale(0.7), Inputs.REALS, x));
      for (Dropout.Unit unit : Dropout.Unit.values()) {
        cases.addAll(cases(new Dropout(0.5, unit), Inputs.INTEGERS, x));
        cases.addAll(cases(new Dropout(0.1, unit), Inputs.REALS, x));
        cases.addAll(cases(new Dropout(0, unit), Inputs.REALS, x));
        cases.addAll(cases(new Dropout(1, unit), Inputs.REALS, x));
      }
    }
    return cases;
  }

  /** Average pools, and max unpools with many ties. */
  static List<OpCase> windows() {
    List<OpCase> cases = new ArrayList<>();
    for (Shape x :
        List.of(
            new Shape(1, 16, 16, 64),
            new Shape(2, 9, 7, 16),
            new Shape(5, 11, 8, 24),
            new Shape(1, 3, 4, 3))) {
      for (AvgPool.Divisor divisor : AvgPool.Divisor.values()) {
        cases.addAll(cases(new AvgPool(3, 2, 1, divisor), Inputs.REALS, x));
        cases.addAll(cases(new AvgPool(2, 2, 0, divisor), Inputs.REALS, x));
        cases.addAll(cases(new AvgPool(3, 1, 1, divisor), Inputs.REALS, x));
      }
      for (MaxUnpool op :
          List.of(new MaxUnpool(2, 2, 0), new MaxUnpool(3, 3, 1), new MaxUnpool(2, 3, 1))) {
        Shape pooled = new Op.MaxPool(op.kernel(), op.stride(), op.padding()).output(List.of(x));
        cases.addAll(cases(op, Inputs.INTEGERS, pooled, x));
      }
    }
    return cases;
  }
}
