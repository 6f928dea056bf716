package org.jresnet.inspect.exercise;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.jresnet.base.Text;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Shape;
import org.jresnet.inspect.exercise.Call.Result;

/** A 3x3 convolution in single precision that is to be faster than plain loops. */
final class FastExercise {
  /** Sums of a few hundred products in single precision. */
  private static final double TOLERANCE = 1e-5;

  /** How many times as fast as plain loops is fast. */
  private static final double FAST = 2;

  /**
   * Both sides run in turn and the best time of each counts: other programs load the machine, and
   * Java compiles only what has run often. Code that is fast is seen to be soon.
   */
  private static final int LEAST = 10;

  private static final int MOST = 60;

  private FastExercise() {}

  static Exercise exercise() {
    return new Exercise(
        "fast", "Fast", "a convolution faster than plain loops", "08-fast.md", FastExercise::tests);
  }

  private static List<Exercise.Test> tests() {
    List<Exercise.Test> tests = new ArrayList<>();
    tests.add(values(new Shape(1, 3, 3, 1), 1));
    tests.add(values(new Shape(2, 5, 4, 3), 5));
    tests.add(values(new Shape(1, 1, 1, 8), 8));
    tests.add(values(new Shape(1, 14, 14, 32), 16));
    Shape layer = new Shape(1, 28, 28, 64);
    tests.add(
        new Exercise.Test(
            Text.format(
                "%s to 64 channels: at least %.0f times as fast as plain loops",
                OpTests.images(layer), FAST),
            trial -> speed(trial, layer, 64)));
    return tests;
  }

  private static float[] draw(Random random, long count) {
    float[] values = new float[Math.toIntExact(count)];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextInt(9) - 4;
    }
    return values;
  }

  private static Exercise.Test values(Shape x, int filters) {
    return new Exercise.Test(
        ConvExercise.name(new Conv2d(x.c(), filters, 3, 1, 1), x),
        trial -> trial.call(new Layer(x, filters).call()));
  }

  /** Images, filters, and what they give. */
  private static final class Layer {
    private final Shape x;
    private final Shape y;
    private final int filters;
    private final float[] image;
    private final float[] weights;
    private final float[] expected;

    Layer(Shape x, int filters) {
      this.x = x;
      this.filters = filters;
      Random random = new Random(OpTests.SEED);
      image = draw(random, x.elements());
      weights = draw(random, 9L * filters * x.c());
      y = new Shape(x.n(), x.h(), x.w(), filters);
      expected = new float[Math.toIntExact(y.elements())];
      plain(expected);
    }

    void plain(float[] out) {
      PlainConv.forward(image, weights, out, x, filters);
    }

    Call call() {
      Conv2d conv = new Conv2d(x.c(), filters, 3, 1, 1);
      return new Call(
          "forward",
          Text.format("x of %s", x),
          List.of(
              image.clone(),
              weights.clone(),
              new float[expected.length],
              x.n(),
              x.h(),
              x.w(),
              x.c(),
              filters),
          List.of(
              new Result(
                  "y", "npqk", new int[] {y.n(), y.h(), y.w(), y.c()}, doubles(expected), 2)),
          () -> new ConvMistakes(conv, x, y).forward(doubles(image), doubles(weights)),
          TOLERANCE);
    }
  }

  private static double[] doubles(float[] values) {
    return Nested.flat("values", values, values.length);
  }

  private static void speed(Trial trial, Shape x, int filters) {
    Layer layer = new Layer(x, filters);
    double yours = Double.MAX_VALUE;
    double plain = Double.MAX_VALUE;
    for (int i = 0; i < MOST && (i < LEAST || plain / yours < FAST); i++) {
      Call call = layer.call();
      trial.startClock();
      trial.call(call);
      yours = Math.min(yours, trial.seconds());
      float[] y = new float[layer.expected.length];
      long start = System.nanoTime();
      layer.plain(y);
      plain = Math.min(plain, (System.nanoTime() - start) / 1e9);
    }
    double work = 2.0 * 9 * x.elements() * filters;
    String times =
        Text.format(
            "plain loops %.1f ms, yours %.1f ms: %.1f times as fast, %.1f GFLOP/s",
            plain * 1e3, yours * 1e3, plain / yours, work / yours / 1e9);
    if (plain / yours < FAST) {
      throw new Wrong(
          times,
          Optional.of(
              "which loop is innermost, and do its arrays move on by one element each time? Turn"
                  + " the filters so that they do"));
    }
    trial.remark(times);
  }
}
