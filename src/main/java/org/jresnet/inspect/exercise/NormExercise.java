package org.jresnet.inspect.exercise;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.base.Text;
import org.jresnet.check.OpCase.Inputs;
import org.jresnet.check.Specs;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.inspect.exercise.Call.Result;

/** Batch normalisation, forward, in training and in inference. */
final class NormExercise implements Swap {
  private NormExercise() {}

  static Exercise exercise() {
    return new Exercise(
        "norm", "Norm", "batch normalisation, forward", "02-batch-norm.md", NormExercise::tests);
  }

  private static List<Exercise.Test> tests() {
    NormExercise swap = new NormExercise();
    List<Exercise.Test> tests = new ArrayList<>();
    tests.add(single(swap, new Shape(1, 1, 4, 1), Mode.TRAIN));
    tests.add(single(swap, new Shape(1, 3, 4, 2), Mode.TRAIN));
    tests.add(single(swap, new Shape(3, 2, 5, 3), Mode.TRAIN));
    tests.add(single(swap, new Shape(2, 1, 1, 4), Mode.TRAIN));
    tests.add(single(swap, new Shape(2, 3, 4, 3), Mode.EVALUATE));
    tests.add(OpTests.network(swap, "batch norms"));
    return tests;
  }

  private static Exercise.Test single(Swap swap, Shape x, Mode mode) {
    return OpTests.single(
        Text.format("%s: %s", mode == Mode.TRAIN ? "training" : "inference", OpTests.images(x)),
        swap,
        spec(x, mode, Pass.INFERENCE, GradientWrite.NONE),
        Inputs.REALS);
  }

  static OpSpec spec(Shape x, Mode mode, Pass pass, GradientWrite dx) {
    return Specs.norm(
        x,
        1e-5,
        0.1,
        DType.F64,
        pass,
        mode,
        Specs.Residual.NONE,
        Specs.Activation.NONE,
        dx,
        GradientWrite.NONE);
  }

  @Override
  public boolean takes(OpSpec spec) {
    return spec.op() instanceof Op.BatchNorm && spec.tail().isEmpty();
  }

  @Override
  public List<OpCall> calls(Work work) {
    if (!work.isForward()) {
      return List.of();
    }
    return List.of(work.spec().mode() == Mode.TRAIN ? training(work) : inference(work));
  }

  private static OpCall training(Work work) {
    Op.BatchNorm norm = (Op.BatchNorm) work.spec().op();
    List<Object> arguments = arguments(work);
    arguments.add(norm.momentum());
    arguments.add(norm.eps());
    Call call =
        new Call(
            "train",
            work.where(),
            arguments,
            List.of(
                y(work),
                Result.changed(3, "runningMean", work.expected(Slot.RUNNING_MEAN)),
                Result.changed(4, "runningVar", work.expected(Slot.RUNNING_VAR))),
            () -> new NormMistakes(norm, work).training());
    return new OpCall(call, List.of(Slot.Y, Slot.RUNNING_MEAN, Slot.RUNNING_VAR));
  }

  private static OpCall inference(Work work) {
    Op.BatchNorm norm = (Op.BatchNorm) work.spec().op();
    List<Object> arguments = arguments(work);
    arguments.add(norm.eps());
    Call call =
        new Call(
            "infer",
            work.where(),
            arguments,
            List.of(y(work)),
            () -> List.of(new NormMistakes(norm, work).batchForRunning()));
    return new OpCall(call, List.of(Slot.Y));
  }

  /** What both take first; the arrays are copies, which the learner's method may change. */
  private static List<Object> arguments(Work work) {
    Shape s = work.spec().x();
    List<Object> arguments = new ArrayList<>();
    arguments.add(Nested.of(work.given(Slot.X), s.n(), s.h(), s.w(), s.c()));
    for (Slot slot : List.of(Slot.GAMMA, Slot.BETA, Slot.RUNNING_MEAN, Slot.RUNNING_VAR)) {
      arguments.add(work.given(slot).clone());
    }
    return arguments;
  }

  private static Result y(Work work) {
    Shape y = work.spec().y();
    return Result.returned("y", "nhwc", work.expected(Slot.Y), y.n(), y.h(), y.w(), y.c());
  }
}
