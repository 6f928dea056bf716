package org.jresnet.backend;

import java.util.List;

/** An {@link UpdateRule} tied to flat arenas of parameters, gradients and state. */
public interface Optimizer extends AutoCloseable {
  /** Elements {@code first} to {@code first + count} of the arenas. */
  record Range(long first, long count) {}

  /**
   * Square root of the sum of the squared gradients in the ranges; not finite if any gradient is
   * not.
   */
  double gradientNorm(List<Range> ranges);

  /**
   * Updates the parameters in the ranges.
   *
   * @param learningRate of this step
   * @param step number of this step, from 1 (bias correction)
   * @param gradientScale factor on every gradient (clipping, accumulation)
   */
  void step(List<Range> ranges, double learningRate, long step, double gradientScale);

  /**
   * {@code target = source} or {@code target += source} over whole arenas of the parameter type.
   *
   * @param policy OVERWRITE or ACCUMULATE
   */
  void accumulate(Tensor target, Tensor source, GradientWrite policy);

  /**
   * Updates that the gradients decide, and the loss scale with them.
   *
   * @param clip largest norm of the gradients (torch's clip_grad_norm_); 0 for none
   * @param scale where the loss scale begins; it is the updates' from here on
   * @param steps updates that were made before
   * @param gradientScale one F64 that holds the scale's factor for the losses that it multiplies; a
   *     change is written there
   */
  default Updates updates(double clip, LossScale scale, long steps, Tensor gradientScale) {
    return new HostUpdates(this, clip, scale, steps, gradientScale);
  }

  @Override
  void close();
}
