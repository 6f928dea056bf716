package org.jresnet.inspect.exercise;

import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.base.Text;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;
import org.jresnet.inspect.exercise.Call.Mistake;
import org.jresnet.inspect.exercise.Call.Result;
import org.jresnet.loss.Objective;
import org.jresnet.models.Architecture;
import org.jresnet.train.FeatureMap;
import org.jresnet.train.HeatMap;

/** Grad-CAM of features and their gradients. */
final class GradCamExercise {
  /** The trusted side rounds its map to single precision. */
  private static final double TOLERANCE = 1e-6;

  private GradCamExercise() {}

  static Exercise exercise() {
    return new Exercise(
        "gradcam", "GradCam", "a heat map: Grad-CAM", "07-detector.md", GradCamExercise::tests);
  }

  private static List<Exercise.Test> tests() {
    return List.of(
        drawn("one channel", 2, 3, 1),
        drawn("three channels", 4, 3, 3),
        drawn("sixteen channels", 7, 7, 16),
        new Exercise.Test(
            Text.format(
                "%s with %d channels in the stem: the last block, for a logit",
                Architecture.DEFAULT, OpTests.WIDTH),
            GradCamExercise::network));
  }

  private static Exercise.Test drawn(String name, int h, int w, int c) {
    return new Exercise.Test(
        name,
        trial -> {
          Random random = new Random(OpTests.SEED);
          Shape shape = new Shape(1, h, w, c);
          trial.call(call(name, draw(shape, random), draw(shape, random)));
        });
  }

  private static FeatureMap draw(Shape shape, Random random) {
    float[] values = new float[Math.toIntExact(shape.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextInt(9) - 4;
    }
    return new FeatureMap("drawn", shape, values);
  }

  private static void network(Trial trial) {
    Architecture network = Architecture.of(Architecture.DEFAULT);
    Graph graph = network.graph(OpTests.CLASSES, OpTests.WIDTH);
    Node pool =
        graph.nodes().stream()
            .filter(n -> n.op() instanceof Op.GlobalAvgPool)
            .findFirst()
            .orElseThrow();
    String last = graph.nodes().get(pool.inputs().get(0)).name();
    Set<String> all = graph.parameters().stream().map(Parameter::name).collect(Collectors.toSet());
    int size = 128;
    CompileOptions options =
        CompileOptions.training(1, size, OpTests.normalization(network.preprocessing()))
            .withFrozen(all)
            .withObjective(new Objective.Seed())
            .withWatch(new CompileOptions.Watch(Set.of(last), Set.of(last), List.of()));
    try (Backend reference = new ReferenceBackend();
        Model model = new Model(graph, reference, Precision.FP64);
        Executable step = Executable.compile(model, options)) {
      model.initialize(OpTests.SEED, Model.BlockEnd.ONE);
      byte[] pixels = new byte[size * size * 3];
      new Random(OpTests.SEED).nextBytes(pixels);
      float[] logit = new float[OpTests.CLASSES];
      logit[1] = 1;
      step.step(pixels, logit);
      Shape shape = graph.shapes(1, size, size).get(graph.node(last).index());
      FeatureMap features = new FeatureMap(last, shape, step.tap(last));
      FeatureMap gradients = new FeatureMap(last, shape, step.tapGradient(last));
      double[] map = trial.call(call(last, features, gradients)).get(0);
      double largest = 0;
      for (double v : map) {
        largest = Math.max(largest, v);
      }
      trial.remark(
          Text.format(
              "the map of %s has %d by %d places, its largest value is %.4g",
              last, shape.h(), shape.w(), largest));
    }
  }

  private static Call call(String where, FeatureMap features, FeatureMap gradients) {
    Shape s = features.shape();
    double[] a = doubles(features.values());
    double[] g = doubles(gradients.values());
    double[] expected = doubles(HeatMap.gradCam(features, gradients).values());
    return new Call(
        "map",
        where,
        List.of(Nested.of(a, s.h(), s.w(), s.c()), Nested.of(g, s.h(), s.w(), s.c())),
        List.of(Result.returned("map", "hw", expected, s.h(), s.w())),
        () ->
            List.of(
                mistake(
                    s,
                    (i, c) -> mean(g, s, c) * a[i],
                    false,
                    "negative sums stay; take max(0, sum)"),
                mistake(
                    s,
                    (i, c) -> mean(g, s, c) * s.h() * s.w() * a[i],
                    true,
                    "the gradients of a channel are added; average them over its places"),
                mistake(
                    s,
                    (i, c) -> g[i] * a[i],
                    true,
                    "each place has its own weight; a channel has one, the mean of its gradients"),
                mistake(s, (i, c) -> a[i], true, "every channel counts the same: weight them"),
                mistake(
                    s,
                    (i, c) -> Math.max(0, mean(g, s, c) * a[i]),
                    true,
                    "negative terms are dropped before the sum; take the maximum after it")),
        TOLERANCE);
  }

  /** What a channel adds to a place; i is the index of the value. */
  private interface Term {
    double at(int i, int c);
  }

  private static Mistake mistake(Shape s, Term term, boolean rectified, String hint) {
    double[] map = new double[s.h() * s.w()];
    for (int i = 0; i < map.length * s.c(); i++) {
      map[i / s.c()] += term.at(i, i % s.c());
    }
    for (int i = 0; i < map.length && rectified; i++) {
      map[i] = Math.max(0, map[i]);
    }
    return new Mistake("map", map, hint);
  }

  private static double mean(double[] g, Shape s, int c) {
    double sum = 0;
    for (int i = c; i < g.length; i += s.c()) {
      sum += g[i];
    }
    return sum / (s.h() * s.w());
  }

  private static double[] doubles(float[] values) {
    double[] all = new double[values.length];
    for (int i = 0; i < all.length; i++) {
      all[i] = values[i];
    }
    return all;
  }
}
