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

  @Override
  void close();
}
