package org.jresnet.inspect.exercise;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.check.OpCase.Inputs;
import org.jresnet.check.Specs;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.inspect.exercise.Call.Mistake;
import org.jresnet.inspect.exercise.Call.Result;

/** Gradients of a residual block's convolutions and batch norms. */
final class BackwardExercise implements Swap {
  private BackwardExercise() {}

  static Exercise exercise() {
    return new Exercise(
        "backward",
        "Backward",
        "gradients of convolution and batch norm",
        "04-backward.md",
        BackwardExercise::tests);
  }

  private static List<Exercise.Test> tests() {
    BackwardExercise swap = new BackwardExercise();
    List<Exercise.Test> tests = new ArrayList<>();
    for (boolean input : new boolean[] {true, false}) {
      tests.add(conv(swap, new Shape(1, 4, 4, 1), 1, 3, 1, 0, input));
      tests.add(conv(swap, new Shape(2, 5, 7, 2), 3, 3, 2, 1, input));
      tests.add(conv(swap, new Shape(2, 6, 5, 3), 4, 1, 2, 0, input));
    }
    tests.add(norm(swap, new Shape(1, 3, 4, 2)));
    tests.add(norm(swap, new Shape(3, 2, 3, 4)));
    tests.add(OpTests.network(swap, "backward passes of convolutions and batch norms"));
    return tests;
  }

  private static Exercise.Test conv(
      Swap swap, Shape x, int filters, int kernel, int stride, int padding, boolean input) {
    Conv2d conv = new Conv2d(x.c(), filters, kernel, stride, padding);
    GradientWrite dx = input ? GradientWrite.OVERWRITE : GradientWrite.NONE;
    GradientWrite dw = input ? GradientWrite.NONE : GradientWrite.OVERWRITE;
    return OpTests.single(
        (input ? "convDx " : "convDw ") + ConvExercise.name(conv, x),
        swap,
        Specs.conv(x, conv, DType.F64, Pass.TRAINING, dx, dw),
        Inputs.INTEGERS);
  }

  private static Exercise.Test norm(Swap swap, Shape x) {
    return OpTests.single(
        "normDx " + OpTests.images(x),
        swap,
        NormExercise.spec(x, Mode.TRAIN, Pass.TRAINING, GradientWrite.OVERWRITE),
        Inputs.REALS);
  }

  @Override
  public boolean takes(OpSpec spec) {
    return spec.op() instanceof Conv2d
        || spec.op() instanceof Op.BatchNorm && spec.mode() == Mode.TRAIN && spec.tail().isEmpty();
  }

  @Override
  public List<OpCall> calls(Work work) {
    List<OpCall> calls = new ArrayList<>();
    if (work.isForward()) {
      return calls;
    }
    boolean convolves = work.spec().op() instanceof Conv2d;
    if (work.spec().write(Slot.DX) != GradientWrite.NONE) {
      calls.add(convolves ? convDx(work) : normDx(work));
    }
    if (convolves && work.spec().write(Slot.DWEIGHT) != GradientWrite.NONE) {
      calls.add(convDw(work));
    }
    return calls;
  }

  private static Object nested(double[] values, Shape s) {
    return Nested.of(values, s.n(), s.h(), s.w(), s.c());
  }

  private static Result dx(Work work) {
    Shape x = work.spec().x();
    return Result.returned("dx", "nhwc", work.expected(Slot.DX), x.n(), x.h(), x.w(), x.c());
  }

  private static OpCall convDx(Work work) {
    Conv2d conv = (Conv2d) work.spec().op();
    Shape x = work.spec().x();
    Shape y = work.spec().y();
    double[] dy = work.given(Slot.DY);
    double[] filters = work.given(Slot.WEIGHT);
    Call call =
        new Call(
            "convDx",
            work.where(),
            List.of(
                nested(dy, y),
                Nested.of(filters, conv.k(), conv.c(), conv.rows().size(), conv.columns().size()),
                conv.rows().stride(),
                conv.rows().padding(),
                x.h(),
                x.w()),
            List.of(dx(work)),
            () -> new ConvMistakes(conv, x, y).dx(dy, filters));
    return new OpCall(call, List.of(Slot.DX));
  }

  private static OpCall convDw(Work work) {
    Conv2d conv = (Conv2d) work.spec().op();
    Shape x = work.spec().x();
    Shape y = work.spec().y();
    int size = conv.rows().size();
    double[] dy = work.given(Slot.DY);
    double[] image = work.given(Slot.X);
    double[] expected = work.expected(Slot.DWEIGHT);
    Call call =
        new Call(
            "convDw",
            work.where(),
            List.of(
                nested(image, x), nested(dy, y), conv.rows().stride(), conv.rows().padding(), size),
            List.of(Result.returned("dw", "kcrs", expected, conv.k(), conv.c(), size, size)),
            () -> new ConvMistakes(conv, x, y).dw(image, dy));
    return new OpCall(call, List.of(Slot.DWEIGHT));
  }

  private static OpCall normDx(Work work) {
    Op.BatchNorm norm = (Op.BatchNorm) work.spec().op();
    Shape s = work.spec().x();
    Call call =
        new Call(
            "normDx",
            work.where(),
            List.of(
                nested(work.given(Slot.X), s),
                nested(work.given(Slot.DY), s),
                work.given(Slot.GAMMA).clone(),
                norm.eps()),
            List.of(dx(work)),
            () -> mistakes(norm, work));
    return new OpCall(call, List.of(Slot.DX));
  }

  /** The terms of dx, of which many forget one. */
  private static List<Mistake> mistakes(Op.BatchNorm norm, Work work) {
    return List.of(
        new Mistake(
            "dx",
            NormMistakes.dx(norm, work, 0, 0),
            "mean and variance count as constants; they depend on every x of the channel, which is"
                + " what the two further terms are for"),
        new Mistake(
            "dx",
            NormMistakes.dx(norm, work, 1, 0),
            "the term of the variance is missing: xhat * sum(dy*xhat) / m"),
        new Mistake(
            "dx",
            NormMistakes.dx(norm, work, 0, 1),
            "the term of the mean is missing: sum(dy) / m"));
  }
}
