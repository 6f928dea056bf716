package org.jresnet.graph;

import static org.jresnet.graph.Parameter.Role.*;

import java.util.List;

/**
 * One operation of a network, as data. An op knows its parameters, the shape that it makes of its
 * inputs' shapes and its multiply-accumulate count; what it computes is written in {@code
 * backend.reference}.
 */
public sealed interface Op {
  /**
   * Shape of the output for the inputs' shapes; an {@link IllegalArgumentException} says what does
   * not fit.
   */
  Shape output(List<Shape> inputs);

  /** The arrays of this op at a node of the given name, in the order of torch's state dict. */
  default List<Parameter> parameters(String node) {
    return List.of();
  }

  /**
   * Multiply-accumulates that produce {@code output}; only convolutions and linear layers count, as
   * in the literature.
   */
  default long macs(Shape output) {
    return 0;
  }

  /** Number of inputs. */
  default int arity() {
    return 1;
  }

  /** The image batch: {@code n×h×w×channels}, normalised. */
  record Input(int channels) implements Op {
    @Override
    public int arity() {
      return 0;
    }

    @Override
    public Shape output(List<Shape> inputs) {
      throw new IllegalStateException("the input's shape is given, not inferred");
    }
  }

  /**
   * Two-dimensional convolution with a square filter and without bias ({@code
   * torch.nn.Conv2d(bias=False)}).
   */
  record Conv2d(int c, int k, int kernel, int stride, int padding) implements Op {
    @Override
    public Shape output(List<Shape> inputs) {
      Shape x = inputs.get(0);
      requireChannels(c, x);
      return new Shape(
          x.n(), window(x.h(), kernel, stride, padding), window(x.w(), kernel, stride, padding), k);
    }

    @Override
    public List<Parameter> parameters(String node) {
      return List.of(new Parameter(node + ".weight", List.of(k, c, kernel, kernel), CONV_WEIGHT));
    }

    @Override
    public long macs(Shape output) {
      return Math.multiplyExact(output.elements(), Math.multiplyExact((long) c, kernel * kernel));
    }
  }

  /** Batch normalisation over n, h, w ({@code torch.nn.BatchNorm2d}). */
  record BatchNorm(int c, double eps, double momentum) implements Op {
    @Override
    public Shape output(List<Shape> inputs) {
      requireChannels(c, inputs.get(0));
      return inputs.get(0);
    }

    @Override
    public List<Parameter> parameters(String node) {
      return List.of(
          new Parameter(node + ".weight", List.of(c), NORM_WEIGHT),
          new Parameter(node + ".bias", List.of(c), NORM_BIAS),
          new Parameter(node + ".running_mean", List.of(c), RUNNING_MEAN),
          new Parameter(node + ".running_var", List.of(c), RUNNING_VAR),
          new Parameter(node + ".num_batches_tracked", List.of(), BATCHES_TRACKED));
    }
  }

  /** {@code max(x, 0)}. */
  record Relu() implements Op {
    @Override
    public Shape output(List<Shape> inputs) {
      return inputs.get(0);
    }
  }

  /** Sum of two activations of one shape: the residual connection. */
  record Add() implements Op {
    @Override
    public int arity() {
      return 2;
    }

    @Override
    public Shape output(List<Shape> inputs) {
      if (!inputs.get(0).equals(inputs.get(1))) {
        throw new IllegalArgumentException("add needs two equal shapes, found " + inputs);
      }
      return inputs.get(0);
    }
  }

  /** Maximum over a square window; padding never wins ({@code torch.nn.MaxPool2d}). */
  record MaxPool(int kernel, int stride, int padding) implements Op {
    @Override
    public Shape output(List<Shape> inputs) {
      Shape x = inputs.get(0);
      return new Shape(
          x.n(),
          window(x.h(), kernel, stride, padding),
          window(x.w(), kernel, stride, padding),
          x.c());
    }
  }

  /** Mean over h and w ({@code torch.nn.AdaptiveAvgPool2d(1)}). */
  record GlobalAvgPool() implements Op {
    @Override
    public Shape output(List<Shape> inputs) {
      return new Shape(inputs.get(0).n(), 1, 1, inputs.get(0).c());
    }
  }

  /** Matrix product with bias on feature vectors ({@code torch.nn.Linear}). */
  record Linear(int c, int k) implements Op {
    @Override
    public Shape output(List<Shape> inputs) {
      Shape x = inputs.get(0);
      requireChannels(c, x);
      if (x.h() != 1 || x.w() != 1) {
        throw new IllegalArgumentException("linear needs feature vectors (1x1), found " + x);
      }
      return new Shape(x.n(), 1, 1, k);
    }

    @Override
    public List<Parameter> parameters(String node) {
      return List.of(
          new Parameter(node + ".weight", List.of(k, c), LINEAR_WEIGHT),
          new Parameter(node + ".bias", List.of(k), LINEAR_BIAS));
    }

    @Override
    public long macs(Shape output) {
      return Math.multiplyExact(output.elements(), c);
    }
  }

  private static int window(int extent, int kernel, int stride, int padding) {
    int room = extent + 2 * padding - kernel;
    if (room < 0) {
      throw new IllegalArgumentException(
          "a window of " + kernel + " does not fit into " + extent + " padded by " + padding);
    }
    return room / stride + 1;
  }

  private static void requireChannels(int expected, Shape x) {
    if (x.c() != expected) {
      throw new IllegalArgumentException("expected " + expected + " channels, found " + x);
    }
  }
}
