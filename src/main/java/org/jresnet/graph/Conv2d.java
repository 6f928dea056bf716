package org.jresnet.graph;

import static org.jresnet.graph.Parameter.Role.CONV_BIAS;
import static org.jresnet.graph.Parameter.Role.CONV_WEIGHT;

import java.util.List;
import java.util.Set;

/**
 * Two-dimensional convolution (<a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html">torch.nn.Conv2d</a>).
 *
 * @param c channels of the input
 * @param k channels of the output, one filter each
 * @param rows the filter along h
 * @param columns the filter along w
 * @param groups divides c and k; the filters of a group see that group's c/groups channels alone.
 *     With groups = c the convolution is depthwise
 * @param bias what is added to the sums
 */
public record Conv2d(int c, int k, Axis rows, Axis columns, int groups, Bias bias) implements Op {
  /** Whether a value per output channel is added. */
  public enum Bias {
    /** No. */
    NONE,
    /** Yes. */
    PER_CHANNEL
  }

  /** Checks that the groups divide the channels. */
  public Conv2d {
    if (groups < 1 || c % groups != 0 || k % groups != 0) {
      throw new IllegalArgumentException(
          "groups must divide the channels, found %d groups of %d channels to %d"
              .formatted(groups, c, k));
    }
  }

  /** A square filter over all channels, without bias. */
  public Conv2d(int c, int k, int kernel, int stride, int padding) {
    this(c, k, new Axis(kernel, stride, padding), new Axis(kernel, stride, padding));
  }

  /** A filter over all channels, without bias. */
  public Conv2d(int c, int k, Axis rows, Axis columns) {
    this(c, k, rows, columns, 1, Bias.NONE);
  }

  /** The same in groups. */
  public Conv2d grouped(int number) {
    return new Conv2d(c, k, rows, columns, number, bias);
  }

  /** The same with gaps between the filter's taps. */
  public Conv2d dilated(int by) {
    return new Conv2d(c, k, rows.dilated(by), columns.dilated(by), groups, bias);
  }

  /** The same with a bias. */
  public Conv2d biased() {
    return new Conv2d(c, k, rows, columns, groups, Bias.PER_CHANNEL);
  }

  /** Places of the filter in each channel: rows times columns. */
  public int taps() {
    return Math.multiplyExact(rows.size(), columns.size());
  }

  @Override
  public String kind() {
    return "conv";
  }

  @Override
  public Set<Slot> reads(Slot gradient) {
    if (gradient == Slot.DX) {
      return Set.of(Slot.WEIGHT);
    }
    return gradient == Slot.DWEIGHT ? Set.of(Slot.X) : Set.of();
  }

  @Override
  public Part part() {
    return Part.CONVOLUTION;
  }

  @Override
  public List<Part> takes(boolean inference) {
    return inference ? List.of(Part.NORM, Part.RESIDUAL, Part.ACTIVATION) : List.of();
  }

  @Override
  public Int8 int8() {
    return Int8.RANGED;
  }

  @Override
  public Shape output(List<Shape> inputs) {
    Shape x = inputs.get(0);
    x.requireChannels(c);
    return new Shape(x.n(), rows.positions(x.h()), columns.positions(x.w()), k);
  }

  @Override
  public List<Parameter> parameters(String node) {
    List<Integer> filters = List.of(k, c / groups, rows.size(), columns.size());
    Parameter weight = new Parameter(node + ".weight", filters, CONV_WEIGHT);
    return bias == Bias.NONE
        ? List.of(weight)
        : List.of(weight, new Parameter(node + ".bias", List.of(k), CONV_BIAS));
  }

  @Override
  public long macs(Shape output) {
    return Math.multiplyExact(output.elements(), Math.multiplyExact((long) c / groups, taps()));
  }
}
