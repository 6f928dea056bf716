package org.jresnet.inspect.exercise;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.base.Text;
import org.jresnet.check.OpCase.Inputs;
import org.jresnet.check.Specs;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.inspect.exercise.Call.Result;

/** {@code y = x ∗ w}: every convolution of the network, forward. */
final class ConvExercise implements Swap {
  private ConvExercise() {}

  static Exercise exercise() {
    return new Exercise(
        "conv", "Conv", "the forward convolution", "01-convolution.md", ConvExercise::tests);
  }

  private static List<Exercise.Test> tests() {
    ConvExercise swap = new ConvExercise();
    List<Exercise.Test> tests = new ArrayList<>();
    tests.add(single(swap, new Shape(1, 3, 3, 1), 1, 1, 1, 0));
    tests.add(single(swap, new Shape(1, 4, 4, 1), 1, 3, 1, 0));
    tests.add(single(swap, new Shape(1, 3, 4, 2), 1, 3, 1, 1));
    tests.add(single(swap, new Shape(1, 5, 7, 2), 3, 3, 2, 1));
    tests.add(single(swap, new Shape(2, 6, 5, 3), 4, 1, 2, 0));
    tests.add(single(swap, new Shape(2, 9, 8, 3), 4, 7, 2, 3));
    tests.add(single(swap, new Shape(1, 1, 1, 4), 4, 3, 1, 1));
    tests.add(OpTests.network(swap, "convolutions"));
    return tests;
  }

  private static Exercise.Test single(
      Swap swap, Shape x, int filters, int kernel, int stride, int padding) {
    Conv2d conv = new Conv2d(x.c(), filters, kernel, stride, padding);
    return OpTests.single(
        name(conv, x),
        swap,
        Specs.conv(x, conv, DType.F64, Pass.INFERENCE, GradientWrite.NONE, GradientWrite.NONE),
        Inputs.INTEGERS);
  }

  static String name(Conv2d conv, Shape x) {
    return Text.format(
        "%dx%d, stride %d, padding %d: %dx%dx%d -> %s",
        conv.rows().size(),
        conv.columns().size(),
        conv.rows().stride(),
        conv.rows().padding(),
        x.h(),
        x.w(),
        x.c(),
        Text.count(conv.k(), "channel"));
  }

  @Override
  public boolean takes(OpSpec spec) {
    return spec.op() instanceof Conv2d;
  }

  @Override
  public List<OpCall> calls(Work work) {
    if (!work.isForward()) {
      return List.of();
    }
    Conv2d conv = (Conv2d) work.spec().op();
    Shape x = work.spec().x();
    Shape y = work.spec().y();
    double[] image = work.given(Slot.X);
    double[] filters = work.given(Slot.WEIGHT);
    Call call =
        new Call(
            "forward",
            work.where(),
            List.of(
                Nested.of(image, x.n(), x.h(), x.w(), x.c()),
                Nested.of(filters, conv.k(), conv.c(), conv.rows().size(), conv.columns().size()),
                conv.rows().stride(),
                conv.rows().padding()),
            List.of(
                Result.returned("y", "npqk", work.expected(Slot.Y), y.n(), y.h(), y.w(), y.c())),
            () -> new ConvMistakes(conv, x, y).forward(image, filters));
    return List.of(new OpCall(call, List.of(Slot.Y)));
  }
}
