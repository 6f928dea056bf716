package org.jresnet.graph;

import static org.jresnet.graph.Parameter.Role.CONV_BIAS;
import static org.jresnet.graph.Parameter.Role.CONV_TRANSPOSE_WEIGHT;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jresnet.graph.Conv2d.Bias;

/**
 * Transposed convolution (<a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html">torch.nn.ConvTranspose2d</a>):
 * each pixel of the input adds its multiple of a filter to the output, as {@link #adjoint} does it
 * with gradients.
 *
 * @param c channels of the input, one filter each
 * @param k channels of the output
 * @param rows the filter along h
 * @param columns the filter along w
 * @param extraRows torch's output padding: rows of the output below those that a window reaches;
 *     smaller than the stride
 * @param extraColumns the same to the right
 * @param groups divides c and k; the filters of a group fill that group's k/groups channels
 * @param bias what is added to the sums
 */
public record ConvTranspose2d(
    int c, int k, Axis rows, Axis columns, int extraRows, int extraColumns, int groups, Bias bias)
    implements Op {
  /** Checks the groups and the output padding. */
  public ConvTranspose2d {
    requireExtra(extraRows, rows);
    requireExtra(extraColumns, columns);
    adjoint(c, k, rows, columns, groups);
  }

  private static void requireExtra(int extra, Axis axis) {
    if (extra < 0 || extra >= axis.stride()) {
      throw new IllegalArgumentException(
          "output padding must be at least 0 and smaller than the stride, found "
              + extra
              + " with stride "
              + axis.stride());
    }
  }

  /** A square filter without groups, output padding and bias. */
  public ConvTranspose2d(int c, int k, int kernel, int stride, int padding) {
    this(c, k, new Axis(kernel, stride, padding), new Axis(kernel, stride, padding));
  }

  /** A filter without groups, output padding and bias. */
  public ConvTranspose2d(int c, int k, Axis rows, Axis columns) {
    this(c, k, rows, columns, 0, 0, 1, Bias.NONE);
  }

  /** The same in groups. */
  public ConvTranspose2d grouped(int number) {
    return new ConvTranspose2d(c, k, rows, columns, extraRows, extraColumns, number, bias);
  }

  /** The same with output padding. */
  public ConvTranspose2d padded(int moreRows, int moreColumns) {
    return new ConvTranspose2d(c, k, rows, columns, moreRows, moreColumns, groups, bias);
  }

  /** The same with a bias. */
  public ConvTranspose2d biased() {
    return new ConvTranspose2d(
        c, k, rows, columns, extraRows, extraColumns, groups, Bias.PER_CHANNEL);
  }

  /**
   * The convolution that this is the transpose of: it takes k channels to c, with the same weights
   * in the same order.
   */
  public Conv2d adjoint() {
    return adjoint(c, k, rows, columns, groups);
  }

  private static Conv2d adjoint(int c, int k, Axis rows, Axis columns, int groups) {
    return new Conv2d(k, c, rows, columns, groups, Bias.NONE);
  }

  @Override
  public String kind() {
    return "convtranspose";
  }

  @Override
  public Set<Slot> reads(Slot gradient) {
    return adjoint().reads(gradient);
  }

  @Override
  public Shape output(List<Shape> inputs) {
    Shape x = inputs.get(0);
    x.requireChannels(c);
    return new Shape(
        x.n(), rows.extent(x.h()) + extraRows, columns.extent(x.w()) + extraColumns, k);
  }

  @Override
  public List<Parameter> parameters(String node) {
    List<Parameter> parameters = new ArrayList<>();
    for (Parameter p : adjoint().parameters(node)) {
      parameters.add(new Parameter(p.name(), p.shape(), CONV_TRANSPOSE_WEIGHT));
    }
    if (bias == Bias.PER_CHANNEL) {
      parameters.add(new Parameter(node + ".bias", List.of(k), CONV_BIAS));
    }
    return parameters;
  }

  @Override
  public long macs(Shape output) {
    return adjoint().macs(adjoint().output(List.of(output)));
  }
}
