package org.jresnet.backend;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jresnet.HostBenchmark;
import org.jresnet.backend.cpu.CpuBackend;
import org.jresnet.graph.DType;
import org.jresnet.graph.Parameter;
import org.jresnet.models.Architecture;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * One step of Adam over the 25,557,032 parameters of ResNet-50, on all cores.
 *
 * <p>Floor: 716 MB of memory traffic. Parameter, gradient, m and v are read, parameter, m and v
 * written, 28 bytes per parameter; divided by the memory bandwidth of the machine this is the time.
 */
public class AdamBenchmark extends HostBenchmark {
  private static final double RATE = 1e-3;
  private static final UpdateRule.Adam ADAM = new UpdateRule.Adam(0.9, 0.999, 1e-8, 0);

  /** Gradients that differ from step to step; equal ones would hide both betas. */
  private static final double[] SCALES = {1, -0.5, 2};

  /** Parameters start below 0.06 and lie at the end of three rounded steps of about 0.001. */
  private static final double TOLERANCE = 2e-8;

  private Backend backend;
  private final List<Buffer> memory = new ArrayList<>();
  private Optimizer optimizer;
  private List<Optimizer.Range> everything;
  private long steps;

  /** Binds the arenas; after three steps every parameter must be where the paper says. */
  @Setup
  public void bind() {
    int count =
        Architecture.of("resnet50").graph(1000).parameters().stream()
            .filter(p -> p.role().trainable())
            .mapToInt(Parameter::elements)
            .sum();
    float[] start = draw(count, 1);
    float[] gradient = draw(count, 2);
    backend = new CpuBackend();
    Tensor parameters = arena(start);
    Tensor gradients = arena(gradient);
    List<Tensor> states = List.of(arena(new float[count]), arena(new float[count]));
    optimizer = backend.optimizer(ADAM, parameters, gradients, states);
    everything = List.of(new Optimizer.Range(0, count));
    for (double scale : SCALES) {
      optimizer.step(everything, RATE, ++steps, scale);
    }
    float[] found = parameters.toFloats();
    for (int i = 0; i < count; i++) {
      require("parameter " + i, expected(start[i], gradient[i]), found[i], TOLERANCE);
    }
  }

  private Tensor arena(float[] values) {
    Buffer buffer = backend.allocate("a benchmark", (long) values.length * Float.BYTES);
    memory.add(buffer);
    Tensor tensor = new Tensor(buffer, 0, DType.F32, values.length);
    tensor.set(values);
    return tensor;
  }

  private static float[] draw(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextDouble() * 0.1 - 0.05);
    }
    return values;
  }

  /** Algorithm 1 of <a href="https://arxiv.org/abs/1412.6980">arXiv:1412.6980</a>. */
  private static double expected(double parameter, double gradient) {
    double m = 0;
    double v = 0;
    double power1 = 1;
    double power2 = 1;
    for (double scale : SCALES) {
      double g = scale * gradient;
      m = ADAM.beta1() * m + (1 - ADAM.beta1()) * g;
      v = ADAM.beta2() * v + (1 - ADAM.beta2()) * g * g;
      power1 *= ADAM.beta1();
      power2 *= ADAM.beta2();
      parameter -= RATE * (m / (1 - power1)) / (Math.sqrt(v / (1 - power2)) + ADAM.eps());
    }
    return parameter;
  }

  /** Gives the memory back. */
  @TearDown
  public void close() {
    optimizer.close();
    memory.forEach(Buffer::close);
    backend.close();
  }

  /** One step. */
  @Benchmark
  public void step() {
    optimizer.step(everything, RATE, ++steps, 1);
  }
}
