package org.jresnet.backend;

import java.util.SplittableRandom;
import org.jresnet.HostBenchmark;
import org.jresnet.backend.cpu.CpuBackend;
import org.jresnet.graph.DType;
import org.jresnet.loss.Objective;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Softmax cross-entropy over 1000 classes with the gradient of the logits, on one core.
 *
 * <p>Floor: two exponentials in double precision per logit, 64,000 for 32 images and 512,000 for
 * 256; logits and gradients are 8 bytes per logit and stay in the caches.
 */
public class CrossEntropyBenchmark extends HostBenchmark {
  private static final int CLASSES = 1000;

  /** Float's rounding of a gradient, which is at most 1/batch. */
  private static final double TOLERANCE = 1e-8;

  /** Images per batch. */
  @Param({"32", "256"})
  public int batch;

  private Backend backend;
  private Buffer memory;
  private Tensor dlogits;
  private LossOp loss;
  private int[] labels;

  /**
   * Binds the op. Equal logits must cost ln 1000, and drawn ones must give the loss and the
   * gradient of the definition without the usual shift by the maximum, which they do not need.
   */
  @Setup
  public void bind() {
    SplittableRandom random = new SplittableRandom(1);
    float[] drawn = new float[batch * CLASSES];
    for (int i = 0; i < drawn.length; i++) {
      drawn[i] = (float) (random.nextDouble() * 10 - 5);
    }
    labels = random.ints(batch, 0, CLASSES).toArray();
    backend = new CpuBackend();
    memory = backend.allocate("a benchmark", 2L * drawn.length * Float.BYTES + Double.BYTES);
    Tensor both = new Tensor(memory, 0, DType.F32, 2L * drawn.length);
    Tensor logits = both.slice(0, drawn.length);
    dlogits = both.slice(drawn.length, drawn.length);
    Tensor scale = new Tensor(memory, 2L * drawn.length * Float.BYTES, DType.F64, 1);
    scale.set(new float[] {1});
    LossSpec spec = new LossSpec(batch, CLASSES, Objective.CROSS_ENTROPY);
    loss = backend.loss(spec, logits, dlogits, scale);
    check(logits, new float[drawn.length], Math.log(CLASSES));
    check(logits, drawn, meanLoss(drawn));
  }

  private void check(Tensor logits, float[] values, double expected) {
    logits.set(values);
    require("loss", expected, compute(), 1e-12 * CLASSES);
    float[] found = dlogits.toFloats();
    for (int n = 0; n < batch; n++) {
      double sum = sum(values, n);
      for (int k = 0; k < CLASSES; k++) {
        double share = Math.exp(values[n * CLASSES + k]) / sum - (k == labels[n] ? 1 : 0);
        require("gradient " + n + ", " + k, share / batch, found[n * CLASSES + k], TOLERANCE);
      }
    }
  }

  private double meanLoss(float[] values) {
    double total = 0;
    for (int n = 0; n < batch; n++) {
      total += Math.log(sum(values, n)) - values[n * CLASSES + labels[n]];
    }
    return total / batch;
  }

  private static double sum(float[] values, int n) {
    double sum = 0;
    for (int k = 0; k < CLASSES; k++) {
      sum += Math.exp(values[n * CLASSES + k]);
    }
    return sum;
  }

  /** Gives the memory back. */
  @TearDown
  public void close() {
    loss.close();
    memory.close();
    backend.close();
  }

  /** Loss and gradient of one batch. */
  @Benchmark
  public double compute() {
    loss.load(labels);
    loss.run();
    return loss.value(loss.send());
  }
}
