package org.jresnet.train;

import org.jresnet.graph.Shape;

/**
 * A node's output for one image, or the gradient by it.
 *
 * @param node name of the node
 * @param shape {@code 1×h×w×c}
 * @param values row by row, channels last
 */
public record FeatureMap(String node, Shape shape, float[] values) {
  /** The value at a row, column and channel. */
  public float at(int h, int w, int c) {
    return values[(h * shape.w() + w) * shape.c() + c];
  }
}
