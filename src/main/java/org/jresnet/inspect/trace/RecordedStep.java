package org.jresnet.inspect.trace;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Shape;
import org.jresnet.inspect.Recording;

/** A recording with its network, and the tensors that were read last. */
final class RecordedStep {
  /** Tensors that are kept; a formula reads three or four. */
  private static final int KEPT = 12;

  private final Recording recording;
  private final Graph graph;
  private final List<Shape> shapes;
  private final Map<String, float[]> values =
      new LinkedHashMap<>(KEPT, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, float[]> eldest) {
          return size() > KEPT;
        }
      };

  RecordedStep(Recording recording) {
    this.recording = recording;
    graph = recording.graph();
    List<Long> input = recording.shape(Recording.INPUT);
    shapes =
        graph.shapes(
            Math.toIntExact(input.get(0)),
            Math.toIntExact(input.get(1)),
            Math.toIntExact(input.get(2)));
  }

  Recording recording() {
    return recording;
  }

  Graph graph() {
    return graph;
  }

  /** Of the node's output. */
  Shape shape(Node node) {
    return shapes.get(node.index());
  }

  Node input(Node node, int which) {
    return graph.nodes().get(node.inputs().get(which));
  }

  /** All values of a tensor; not to be written. */
  synchronized float[] values(String tensor) {
    float[] found = values.get(tensor);
    if (found == null) {
      found = recording.values(tensor);
      values.put(tensor, found);
    }
    return found;
  }

  float[] output(Node node) {
    return values(Recording.output(node.name()));
  }

  float[] gradient(Node node) {
    return values(Recording.gradient(node.name()));
  }

  /** One of the parameters of a node, such as its {@code weight}, before the step. */
  float[] parameter(Node node, String name) {
    return values(Recording.parameter(node.name() + "." + name));
  }

  /**
   * Where an element lies in memory.
   *
   * @throws UserError when the tensor has no such element
   */
  static int index(List<? extends Number> shape, int... at) {
    int index = 0;
    boolean inside = at.length == shape.size();
    for (int i = 0; inside && i < at.length; i++) {
      int extent = shape.get(i).intValue();
      inside = at[i] >= 0 && at[i] < extent;
      index = index * extent + at[i];
    }
    if (!inside) {
      throw new UserError(
          Text.format(
              "there is no element %s in a tensor of shape %s", Arrays.toString(at), shape));
    }
    return index;
  }

  /** The element of a recorded tensor. */
  double value(String tensor, int... at) {
    return values(tensor)[index(recording.shape(tensor), at)];
  }
}
