package org.jresnet.inspect.lab;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.Text;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.graph.Parameter;
import org.jresnet.train.Classifier;

/**
 * The loss along random straight lines through trained weights. A direction has the norm of the
 * weights in every filter, so that networks whose weights differ in size can be compared; norms and
 * biases stay what they are.
 */
final class Landscape implements Experiment {
  /** Lines through each network. */
  private static final int LINES = 3;

  /** Steps from -1 to 1. */
  private static final int STEPS = 20;

  @Override
  public String id() {
    return "landscape";
  }

  @Override
  public String summary() {
    return "Loss along filter-normalised random directions, residual against plain, both trained alike";
  }

  @Override
  public String paper() {
    return "Li et al. 2018, arXiv:1712.09913";
  }

  @Override
  public Result run(LabContext lab) {
    List<List<Object>> rows = new ArrayList<>();
    List<Panel.Series> means = new ArrayList<>();
    List<Double> rises = new ArrayList<>();
    for (String form : List.of("", "plain")) {
      Variants.Trained trained = lab.variants().of(form);
      String name = form.isEmpty() ? "residual" : form;
      double[] alphas = new double[STEPS + 1];
      double[] mean = new double[STEPS + 1];
      try (Classifier classifier = lab.variants().open(trained);
          Executable executable =
              Executable.compile(
                  classifier.model(),
                  lab.inference(Math.min(lab.settings().batch(), lab.images().count())))) {
        for (int line = 0; line < LINES; line++) {
          lab.step(Text.format("line %s through the %s network", line + 1, name));
          Line direction = Line.draw(classifier.model(), lab.random("landscape", line));
          for (int i = 0; i <= STEPS; i++) {
            alphas[i] = 2.0 * i / STEPS - 1;
            direction.at(alphas[i]);
            executable.parametersChanged();
            LabContext.Score score = lab.score(executable);
            rows.add(List.of(name, line + 1, alphas[i], score.loss(), score.accuracy()));
            mean[i] += score.loss() / LINES;
          }
          direction.at(0);
        }
      }
      means.add(new Panel.Series(name, alphas, mean));
      rises.add((mean[0] + mean[STEPS]) / 2 - mean[STEPS / 2]);
    }
    return new Result(
        Text.format(
            "A step of the weights' own size raises the loss by %.3f in the residual network and by"
                + " %.3f in the plain one",
            rises.get(0), rises.get(1)),
        List.of("network", "line", "alpha", "loss", "accuracy"),
        rows,
        List.of(
            new Panel.Lines(
                Text.format("Loss along %s random lines, mean", LINES),
                "step along the line, in units of the filters' norms",
                "loss",
                means)));
  }

  /**
   * A line through a model's weights.
   *
   * @param weights as they were, by name
   * @param direction of the same norm in every filter
   */
  private record Line(Model model, Map<String, float[]> weights, Map<String, float[]> direction) {
    static Line draw(Model model, SplittableRandom random) {
      Map<String, float[]> weights = new LinkedHashMap<>();
      Map<String, float[]> direction = new LinkedHashMap<>();
      for (Parameter p : model.graph().parameters()) {
        boolean filters =
            p.role() == Parameter.Role.CONV_WEIGHT || p.role() == Parameter.Role.LINEAR_WEIGHT;
        if (filters) {
          float[] values = model.get(p.name());
          weights.put(p.name(), values);
          direction.put(p.name(), like(values, p.shape().get(0), random));
        }
      }
      return new Line(model, weights, direction);
    }

    /** Normal values, each filter with the norm of that of the weights. */
    private static float[] like(float[] weights, int filters, SplittableRandom random) {
      float[] drawn = new float[weights.length];
      int each = weights.length / filters;
      for (int f = 0; f < filters; f++) {
        for (int i = f * each; i < (f + 1) * each; i++) {
          drawn[i] = (float) RandomStreams.gaussian(random);
        }
        double own = Vectors.dot(weights, weights, f * each, each);
        double factor = Math.sqrt(own / Vectors.dot(drawn, drawn, f * each, each));
        for (int i = f * each; i < (f + 1) * each; i++) {
          drawn[i] = (float) (factor * drawn[i]);
        }
      }
      return drawn;
    }

    /** Puts the model's weights to a place on the line. */
    void at(double alpha) {
      weights.forEach(
          (name, values) -> {
            float[] step = direction.get(name);
            float[] moved = new float[values.length];
            for (int i = 0; i < moved.length; i++) {
              moved[i] = (float) (values[i] + alpha * step[i]);
            }
            model.set(name, moved);
          });
    }
  }
}
