package org.jresnet.train;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jresnet.backend.Tensor;
import org.jresnet.engine.Callback;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Shape;

/**
 * Channels of ReLU outputs that are zero at every place of every image of a batch: their gradient
 * is zero, so the filters before them learn nothing from it. Counted per stage; a stage is what has
 * the same resolution.
 */
final class DeadRelus {
  private static final Set<Activation.Function> RELUS =
      Set.of(Activation.Function.RELU, Activation.Function.RELU6);

  private final ByteBuffer staging = Tensor.staging();
  private final List<Callback> callbacks = new ArrayList<>();
  private final Map<String, Integer> channels = new LinkedHashMap<>();
  private final Map<String, int[]> dead = new LinkedHashMap<>();
  private final List<String> stages = new ArrayList<>();

  /** Room for an image's output of any of them. */
  private float[] values = new float[0];

  /**
   * Of a network.
   *
   * @param size side of its input
   * @param wanted is asked at each ReLU of each step whether to count
   */
  DeadRelus(Graph graph, int size, BooleanSupplier wanted) {
    List<Shape> shapes = graph.shapes(1, size, size);
    for (Node node : graph.nodes()) {
      if (!(node.op() instanceof Activation a && RELUS.contains(a.function()))) {
        continue;
      }
      Shape shape = shapes.get(node.index());
      int index = stages.size();
      String stage = shape.h() + "x" + shape.w();
      stages.add(stage);
      channels.merge(stage, shape.c(), Integer::sum);
      callbacks.add(
          new Callback(
              node.name(),
              Callback.What.OUTPUT,
              tensor -> {
                if (wanted.getAsBoolean()) {
                  counts(stage)[index] = count(tensor, shape);
                }
              }));
    }
    channels.keySet().forEach(stage -> dead.put(stage, new int[stages.size()]));
  }

  private int[] counts(String stage) {
    return dead.get(stage);
  }

  /** Image by image, so that no array of a whole batch is needed. */
  private int count(Tensor output, Shape image) {
    if (values.length < image.elements()) {
      values = new float[Math.toIntExact(image.elements())];
    }
    boolean[] alive = new boolean[image.c()];
    for (long at = 0; at < output.elements(); at += image.elements()) {
      output.slice(at, image.elements()).toFloats(values, staging);
      for (int i = 0; i < image.elements(); i += alive.length) {
        for (int c = 0; c < alive.length; c++) {
          alive[c] |= values[i + c] != 0;
        }
      }
    }
    int count = 0;
    for (boolean a : alive) {
      count += a ? 0 : 1;
    }
    return count;
  }

  /** What counts, to be compiled into the step. */
  List<Callback> callbacks() {
    return callbacks;
  }

  /** Share of dead channels per stage in the last step that was counted. */
  Map<String, Double> shares() {
    Map<String, Double> shares = new LinkedHashMap<>();
    dead.forEach(
        (stage, counts) -> {
          long sum = 0;
          for (int count : counts) {
            sum += count;
          }
          shares.put(stage, (double) sum / channels.get(stage));
        });
    return shares;
  }
}
