package org.jresnet.backend.cpu;

import java.nio.FloatBuffer;
import java.util.List;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;

/**
 * Optimizers over the flat arenas in cache-sized chunks: a chunk of each arena is copied to the
 * heap, where the compiler vectorises, and back. Memory traffic is the cost; the copies stay in the
 * first-level cache.
 */
final class HostOptimizer implements Optimizer {
  /** Values; from 4 kB on, the JVM copies between heap and other memory at half the speed. */
  private static final int CHUNK = 512;

  private final Workers workers;
  private final UpdateRule rule;
  private final FloatBuffer parameters;
  private final FloatBuffer gradients;
  private final FloatBuffer[] states;
  private final Scratch[] scratch;

  /** One worker's chunk of each arena. */
  private static final class Scratch {
    final float[] p = new float[CHUNK];
    final float[] g = new float[CHUNK];
    final float[] m = new float[CHUNK];
    final float[] v = new float[CHUNK];
    double sum;
  }

  /** Constants of one step. */
  private record Step(
      float rate,
      float gradientScale,
      float beta1,
      float beta2,
      float share1,
      float share2,
      float eps,
      float rootCorrection,
      float decay,
      float shrink) {}

  HostOptimizer(
      Workers workers, UpdateRule rule, Tensor parameters, Tensor gradients, List<Tensor> states) {
    this.workers = workers;
    this.rule = rule;
    this.parameters = CpuBuffer.floats(parameters);
    this.gradients = CpuBuffer.floats(gradients);
    this.states = states.stream().map(CpuBuffer::floats).toArray(FloatBuffer[]::new);
    if (this.states.length != rule.states()) {
      throw new IllegalArgumentException(
          rule + " has " + rule.states() + " states, found " + states.size());
    }
    scratch = new Scratch[workers.count()];
    for (int i = 0; i < scratch.length; i++) {
      scratch[i] = new Scratch();
    }
  }

  @Override
  public double gradientNorm(List<Range> ranges) {
    double sum = 0;
    for (Range range : ranges) {
      workers.run(worker -> scratch[worker].sum = squares(worker, range));
      for (Scratch s : scratch) {
        sum += s.sum;
      }
    }
    return Math.sqrt(sum);
  }

  private double squares(int worker, Range range) {
    float[] g = scratch[worker].g;
    double sum = 0;
    long end = range.first() + workers.share(worker + 1, range.count(), CHUNK);
    for (long at = range.first() + workers.share(worker, range.count(), CHUNK);
        at < end;
        at += CHUNK) {
      int count = (int) Math.min(CHUNK, end - at);
      gradients.get((int) at, g, 0, count);
      sum += squares(g, count);
    }
    return sum;
  }

  /** Four sums side by side: one alone would wait for each addition to finish. */
  private static double squares(float[] g, int count) {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    int i = 0;
    for (; i + 3 < count; i += 4) {
      a += (double) g[i] * g[i];
      b += (double) g[i + 1] * g[i + 1];
      c += (double) g[i + 2] * g[i + 2];
      d += (double) g[i + 3] * g[i + 3];
    }
    for (; i < count; i++) {
      a += (double) g[i] * g[i];
    }
    return a + b + (c + d);
  }

  @Override
  public void step(List<Range> ranges, double learningRate, long step, double gradientScale) {
    Step constants = constants(learningRate, step, gradientScale);
    for (Range range : ranges) {
      workers.run(worker -> update(worker, range, constants));
    }
  }

  private Step constants(double learningRate, long step, double scale) {
    if (rule instanceof UpdateRule.Sgd sgd) {
      return new Step(
          (float) learningRate,
          (float) scale,
          (float) sgd.momentum(),
          0,
          0,
          0,
          0,
          1,
          (float) sgd.weightDecay(),
          1);
    }
    double beta1;
    double beta2;
    double eps;
    double decay = 0;
    double shrink = 1;
    if (rule instanceof UpdateRule.Adam adam) {
      beta1 = adam.beta1();
      beta2 = adam.beta2();
      eps = adam.eps();
      decay = adam.weightDecay();
    } else {
      UpdateRule.AdamW adamW = (UpdateRule.AdamW) rule;
      beta1 = adamW.beta1();
      beta2 = adamW.beta2();
      eps = adamW.eps();
      shrink = 1 - learningRate * adamW.weightDecay();
    }
    double correction1 = 1 - Math.pow(beta1, step);
    double correction2 = 1 - Math.pow(beta2, step);
    return new Step(
        (float) (learningRate / correction1),
        (float) scale,
        (float) beta1,
        (float) beta2,
        // Subtracted in double precision: 1 − 0.999f is 1.3e-5 off.
        (float) (1 - beta1),
        (float) (1 - beta2),
        (float) eps,
        (float) Math.sqrt(correction2),
        (float) decay,
        (float) shrink);
  }

  private void update(int worker, Range range, Step s) {
    Scratch chunk = scratch[worker];
    boolean adam = states.length == 2;
    long end = range.first() + workers.share(worker + 1, range.count(), CHUNK);
    for (long from = range.first() + workers.share(worker, range.count(), CHUNK);
        from < end;
        from += CHUNK) {
      int at = (int) from;
      int count = (int) Math.min(CHUNK, end - from);
      parameters.get(at, chunk.p, 0, count);
      gradients.get(at, chunk.g, 0, count);
      states[0].get(at, chunk.m, 0, count);
      if (adam) {
        states[1].get(at, chunk.v, 0, count);
        adam(chunk, count, s);
        states[1].put(at, chunk.v, 0, count);
      } else {
        momentum(chunk, count, s);
      }
      states[0].put(at, chunk.m, 0, count);
      parameters.put(at, chunk.p, 0, count);
    }
  }

  /**
   *
   *
   * <pre>
   *   g = scale·grad + decay·p     p = shrink·p     m += (1−β₁)(g − m)     v = β₂v + (1−β₂)g²
   *   p −= rate/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + eps)
   * </pre>
   */
  private static void adam(Scratch chunk, int count, Step s) {
    float[] p = chunk.p;
    float[] g = chunk.g;
    float[] m = chunk.m;
    float[] v = chunk.v;
    for (int i = 0; i < count; i++) {
      float grad = g[i] * s.gradientScale + s.decay * p[i];
      float mean = m[i] + s.share1 * (grad - m[i]);
      float square = s.beta2 * v[i] + s.share2 * grad * grad;
      m[i] = mean;
      v[i] = square;
      float denominator = (float) Math.sqrt(square) / s.rootCorrection + s.eps;
      p[i] = p[i] * s.shrink - s.rate * mean / denominator;
    }
  }

  /**
   * {@code g = scale·grad + decay·p; m = momentum·m + g; p −= rate·m}; m starts at zero, so the
   * first step has m = g.
   */
  private static void momentum(Scratch chunk, int count, Step s) {
    float[] p = chunk.p;
    float[] g = chunk.g;
    float[] m = chunk.m;
    float momentum = s.beta1;
    for (int i = 0; i < count; i++) {
      m[i] = momentum * m[i] + (g[i] * s.gradientScale + s.decay * p[i]);
      p[i] -= s.rate * m[i];
    }
  }

  @Override
  public void accumulate(Tensor target, Tensor source, GradientWrite policy) {
    FloatBuffer into = CpuBuffer.floats(target);
    FloatBuffer from = CpuBuffer.floats(source);
    boolean adds = policy == GradientWrite.ACCUMULATE;
    workers.run(
        worker -> {
          Scratch chunk = scratch[worker];
          long end = workers.share(worker + 1, into.capacity(), CHUNK);
          for (long at = workers.share(worker, into.capacity(), CHUNK); at < end; at += CHUNK) {
            int count = (int) Math.min(CHUNK, end - at);
            from.get((int) at, chunk.g, 0, count);
            if (adds) {
              into.get((int) at, chunk.m, 0, count);
              for (int i = 0; i < count; i++) {
                chunk.g[i] += chunk.m[i];
              }
            }
            into.put((int) at, chunk.g, 0, count);
          }
        });
  }

  @Override
  public void close() {}
}
