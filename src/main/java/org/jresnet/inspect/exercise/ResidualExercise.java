package org.jresnet.inspect.exercise;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Pass;
import org.jresnet.check.OpCase.Inputs;
import org.jresnet.check.Specs;
import org.jresnet.graph.Activation;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.inspect.exercise.Call.Mistake;
import org.jresnet.inspect.exercise.Call.Result;

/** The end of a residual block, addition and ReLU, forward and backward. */
final class ResidualExercise implements Swap {
  private ResidualExercise() {}

  static Exercise exercise() {
    return new Exercise(
        "residual",
        "Residual",
        "addition and ReLU, forward and backward",
        "03-why-residual.md",
        ResidualExercise::tests);
  }

  private static List<Exercise.Test> tests() {
    ResidualExercise swap = new ResidualExercise();
    List<Exercise.Test> tests = new ArrayList<>();
    for (Shape x : List.of(new Shape(1, 1, 3, 1), new Shape(2, 3, 4, 5))) {
      GradientWrite wanted = GradientWrite.OVERWRITE;
      tests.add(
          OpTests.single(
              "add: " + OpTests.images(x),
              swap,
              Specs.add(x, DType.F64, Pass.TRAINING, wanted, wanted),
              Inputs.INTEGERS));
      tests.add(
          OpTests.single(
              "relu: " + OpTests.images(x),
              swap,
              Specs.activation(Specs.Activation.RELU, x, DType.F64, Pass.TRAINING, wanted),
              Inputs.INTEGERS));
    }
    tests.add(OpTests.network(swap, "additions and ReLUs"));
    return tests;
  }

  @Override
  public boolean takes(OpSpec spec) {
    boolean adds = spec.op() instanceof Op.Add;
    return spec.tail().isEmpty() && (adds || spec.op().equals(Activation.relu()));
  }

  @Override
  public List<OpCall> calls(Work work) {
    boolean adds = work.spec().op() instanceof Op.Add;
    if (work.isForward()) {
      return List.of(adds ? add(work) : relu(work));
    }
    List<OpCall> calls = new ArrayList<>();
    double[] dy = work.given(Slot.DY);
    if (adds) {
      wanted(calls, work, "dbranch", Slot.DX, List.of(), share(dy));
      wanted(calls, work, "dshortcut", Slot.DRESIDUAL, List.of(), share(dy));
    } else {
      double[] y = work.given(Slot.Y);
      List<Mistake> mistakes =
          List.of(
              new Mistake(
                  "drelu", dy, "dy passes everywhere; it stops where the output y is not above 0"),
              new Mistake(
                  "drelu",
                  each(y, dy, (v, d) -> v <= 0 ? d : 0),
                  "dy passes where y is 0 and stops where y is above 0: it is the other way round"),
              new Mistake(
                  "drelu", each(y, dy, (v, d) -> v * d), "the slope of a ReLU is 1 or 0, not y"));
      wanted(calls, work, "drelu", Slot.DX, List.of(nested(work, y)), mistakes);
    }
    return calls;
  }

  private static List<Mistake> share(double[] dy) {
    List<Mistake> all = new ArrayList<>();
    for (String name : List.of("dbranch", "dshortcut")) {
      all.add(
          new Mistake(
              name,
              each(dy, dy, (a, b) -> a / 2),
              "dy is halved: both summands get all of it, because y grows by as much as each grows"));
      all.add(
          new Mistake(
              name, new double[dy.length], "nothing arrives: the derivative of a+b by a is 1"));
    }
    return all;
  }

  /** A gradient of the shape of y, if somebody wants it. */
  private static void wanted(
      List<OpCall> calls,
      Work work,
      String method,
      Slot slot,
      List<Object> before,
      List<Mistake> m) {
    if (work.spec().write(slot) == GradientWrite.NONE) {
      return;
    }
    List<Object> arguments = new ArrayList<>(before);
    arguments.add(nested(work, work.given(Slot.DY)));
    Result result = result(work, method, work.expected(slot));
    calls.add(
        new OpCall(
            new Call(method, work.where(), arguments, List.of(result), () -> m), List.of(slot)));
  }

  private static OpCall add(Work work) {
    double[] branch = work.given(Slot.X);
    double[] shortcut = work.given(Slot.RESIDUAL);
    List<Mistake> mistakes =
        List.of(
            new Mistake("y", branch, "the shortcut is missing"),
            new Mistake("y", shortcut, "the branch is missing"),
            new Mistake(
                "y",
                each(branch, shortcut, (a, b) -> Math.max(0, a + b)),
                "the ReLU is a method of its own"));
    return call(work, "add", List.of(nested(work, branch), nested(work, shortcut)), mistakes);
  }

  private static OpCall relu(Work work) {
    double[] x = work.given(Slot.X);
    List<Mistake> mistakes =
        List.of(
            new Mistake("y", x, "values below 0 become 0"),
            new Mistake("y", each(x, x, (a, b) -> Math.abs(a)), "values below 0 become 0, not -x"),
            new Mistake(
                "y", each(x, x, (a, b) -> Math.min(0, a)), "values above 0 stay, not those below"));
    return call(work, "relu", List.of(nested(work, x)), mistakes);
  }

  private static OpCall call(Work work, String method, List<Object> arguments, List<Mistake> m) {
    Result y = result(work, "y", work.expected(Slot.Y));
    return new OpCall(
        new Call(method, work.where(), arguments, List.of(y), () -> m), List.of(Slot.Y));
  }

  private interface Pair {
    double of(double a, double b);
  }

  private static double[] each(double[] a, double[] b, Pair pair) {
    double[] all = new double[a.length];
    for (int i = 0; i < all.length; i++) {
      all[i] = pair.of(a[i], b[i]);
    }
    return all;
  }

  private static Object nested(Work work, double[] values) {
    Shape s = work.spec().y();
    return Nested.of(values, s.n(), s.h(), s.w(), s.c());
  }

  private static Result result(Work work, String name, double[] expected) {
    Shape s = work.spec().y();
    return Result.returned(name, "nhwc", expected, s.n(), s.h(), s.w(), s.c());
  }
}
