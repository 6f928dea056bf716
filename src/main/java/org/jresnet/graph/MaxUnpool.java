package org.jresnet.graph;

import java.util.List;
import java.util.Set;

/**
 * Undoes a max pool: each value goes to the place of the maximum in its window, all else is zero
 * ({@code torch.nn.MaxUnpool2d}; Zeiler and Fergus 2014, <a
 * href="https://arxiv.org/abs/1311.2901">arXiv:1311.2901</a>, section 2.1).
 *
 * <p>Inputs are the values and what the max pool took: the places of its maxima are the indices
 * that torch's max pool returns, and its extents are torch's {@code output_size}. That input gets
 * no gradient. Windows must not overlap; where they do, torch's result depends on the order of its
 * threads.
 *
 * @param kernel the max pool's window
 * @param stride its stride, at least the kernel
 * @param padding its padding
 */
public record MaxUnpool(int kernel, int stride, int padding) implements Op {
  /** Checks the window. */
  public MaxUnpool {
    if (kernel < 1 || stride < kernel || padding < 0 || padding > kernel / 2) {
      throw new IllegalArgumentException(
          "max unpool needs windows that do not overlap and padding of at most half of them, found"
              + " kernel %d, stride %d, padding %d".formatted(kernel, stride, padding));
    }
  }

  @Override
  public String kind() {
    return "maxunpool";
  }

  @Override
  public int arity() {
    return 2;
  }

  @Override
  public Set<Slot> reads(Slot gradient) {
    return Set.of(Slot.RESIDUAL);
  }

  @Override
  public boolean differentiates(int input) {
    return input == 0;
  }

  @Override
  public Shape output(List<Shape> inputs) {
    Shape x = inputs.get(0);
    Shape pooled = new Op.MaxPool(kernel, stride, padding).output(inputs.subList(1, 2));
    if (!x.equals(pooled)) {
      throw new IllegalArgumentException(
          "a max pool of %s gives %s, but the values to unpool are %s"
              .formatted(inputs.get(1), pooled, x));
    }
    return inputs.get(1);
  }
}
