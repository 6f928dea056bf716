package org.jresnet.inspect.exercise;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.base.Text;
import org.jresnet.check.OpRun;
import org.jresnet.graph.DType;

/** Adam: the step of every parameter. */
final class AdamExercise implements Swap {
  private static final UpdateRule.Adam RULE = new UpdateRule.Adam(0.9, 0.999, 1e-8, 0);
  private static final double RATE = 0.01;

  private AdamExercise() {}

  static Exercise exercise() {
    return new Exercise("adam", "Adam", "a step of Adam", "05-adam.md", AdamExercise::tests);
  }

  private static List<Exercise.Test> tests() {
    return List.of(
        single("the first step, one parameter", 1, 1, RULE),
        single("the first step, five parameters", 5, 1, RULE),
        single("the steps 1 to 10, five parameters", 5, 10, RULE),
        single("other constants", 4, 3, new UpdateRule.Adam(0.5, 0.9, 0.1, 0)),
        OpTests.training(new AdamExercise(), RULE, RATE));
  }

  /** Steps with drawn gradients, through the optimizer that a network would use. */
  private static Exercise.Test single(String name, int count, int steps, UpdateRule.Adam rule) {
    return new Exercise.Test(
        name,
        trial -> {
          Random random = new Random(OpTests.SEED);
          try (Backend reference = new ReferenceBackend();
              Buffer memory = reference.allocate("an exercise", 4L * count * Double.BYTES)) {
            List<Tensor> arenas = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
              Tensor arena = new Tensor(memory, (long) i * count * Double.BYTES, DType.F64, count);
              OpRun.write(arena, i == 0 ? draw(random, count) : new double[count]);
              arenas.add(arena);
            }
            Backend swapped = new SwappedBackend(reference, new AdamExercise(), trial, List.of());
            try (Optimizer adam =
                swapped.optimizer(rule, arenas.get(0), arenas.get(1), arenas.subList(2, 4))) {
              for (int t = 1; t <= steps; t++) {
                OpRun.write(arenas.get(1), draw(random, count));
                adam.step(List.of(new Range(0, count)), RATE, t, 1);
              }
            }
          }
        });
  }

  private static double[] draw(Random random, int count) {
    return random.doubles(count, -1, 1).toArray();
  }

  @Override
  public boolean takes(OpSpec spec) {
    return false;
  }

  @Override
  public List<OpCall> calls(Work work) {
    return List.of();
  }

  @Override
  public Optimizer optimizer(Optimizer trusted, UpdateRule rule, List<Tensor> arenas, Trial trial) {
    return new SwappedAdam(trusted, (UpdateRule.Adam) rule, arenas, trial);
  }

  /** The call for a stretch of the arenas: parameters, gradients, m, v. */
  static Call call(
      UpdateRule.Adam a, double rate, long t, List<double[]> before, List<double[]> after) {
    List<Object> arguments = new ArrayList<>();
    before.forEach(values -> arguments.add(values.clone()));
    arguments.addAll(List.of(t, rate, a.beta1(), a.beta2(), a.eps()));
    return new Call(
        "step",
        Text.format("step %d", t),
        arguments,
        List.of(
            Call.Result.changed(2, "m", after.get(2)),
            Call.Result.changed(3, "v", after.get(3)),
            Call.Result.changed(0, "p", after.get(0))),
        () -> new AdamMistakes(a, rate, t, before, after).all());
  }
}
