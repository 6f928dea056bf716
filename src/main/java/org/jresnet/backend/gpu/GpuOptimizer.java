package org.jresnet.backend.gpu;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;
import org.jresnet.base.Closing;
import org.jresnet.nativebindings.cuda.CudaEvent;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.jresnet.nativebindings.cuda.PinnedMemory;

/** Optimizers over the flat arenas: one kernel per run of neighbouring parameters. */
final class GpuOptimizer implements Optimizer {
  private static final int CONSTANTS = 9;
  private static final int BLOCKS = 1024;

  /** As the bounds of adam and sgd have it. */
  private static final int BLOCKS_PER_SM = 5;

  private final Gpu gpu;
  private final UpdateRule rule;
  private final Tensor parameters;
  private final Tensor gradients;
  private final List<Tensor> states;
  private final PinnedMemory pinned = new PinnedMemory(8 * CONSTANTS);
  private final DeviceMemory constants = new DeviceMemory(4L * CONSTANTS);
  private final DeviceMemory partial = new DeviceMemory(8L * (BLOCKS + 1));
  private final CudaEvent uploaded = new CudaEvent();
  private final Map<Range, Device.Launch> updates = new HashMap<>();
  private final Map<Range, Device.Launch> squares = new HashMap<>();
  private final Device.Launch firstSum;
  private final Device.Launch furtherSum;

  GpuOptimizer(Gpu gpu, UpdateRule rule, Tensor parameters, Tensor gradients, List<Tensor> states) {
    this.gpu = gpu;
    this.rule = rule;
    this.parameters = parameters;
    this.gradients = gradients;
    this.states = List.copyOf(states);
    if (states.size() != rule.states()) {
      throw new IllegalArgumentException(
          rule + " has " + rule.states() + " states, found " + states.size());
    }
    firstSum = sum(0);
    furtherSum = sum(1);
  }

  private Device.Launch sum(int keep) {
    return gpu.launch(
        "sumUp",
        new Kernel.Grid(1, Gpu.THREADS, 0),
        new Arguments()
            .add(partial.address(8, 8L * BLOCKS))
            .add(partial.address(0, 8))
            .add(BLOCKS)
            .add(keep));
  }

  private static long address(Tensor arena, Range range) {
    return DeviceBuffer.place(arena.slice(range.first(), range.count())).address();
  }

  @Override
  public double gradientNorm(List<Range> ranges) {
    if (ranges.isEmpty()) {
      return 0;
    }
    Device.Launch sum = firstSum;
    for (Range range : ranges) {
      squares.computeIfAbsent(range, this::squares).run();
      sum.run();
      sum = furtherSum;
    }
    gpu.stream().download(pinned.pointer(), partial, 0, 8);
    gpu.stream().synchronize();
    return Math.sqrt(pinned.view().getDouble(0));
  }

  private Device.Launch squares(Range range) {
    return gpu.launch(
        "squares",
        new Kernel.Grid(BLOCKS, Gpu.THREADS, 0),
        new Arguments()
            .add(address(gradients, range))
            .add(partial.address(8, 8L * BLOCKS))
            .add(range.count()));
  }

  @Override
  public void step(List<Range> ranges, double learningRate, long step, double gradientScale) {
    uploaded.synchronize();
    double[] values = constants(rule, learningRate, step, gradientScale);
    for (int i = 0; i < CONSTANTS; i++) {
      pinned.view().putFloat(4 * i, (float) values[i]);
    }
    gpu.stream().upload(constants, 0, pinned.pointer(), constants.bytes());
    uploaded.record(gpu.stream());
    for (Range range : ranges) {
      updates.computeIfAbsent(range, this::update).run();
    }
  }

  /**
   * The constants of a step as the kernels take them, computed in double precision as the CPU
   * backend does: 1 − 0.999f would be 1.3e-5 off.
   */
  static double[] constants(UpdateRule rule, double rate, long step, double scale) {
    if (rule instanceof UpdateRule.Sgd sgd) {
      return new double[] {rate, scale, sgd.momentum(), 0, 0, 0, 1, sgd.weightDecay(), 1};
    } else if (rule instanceof UpdateRule.Adam adam) {
      return adam(rate, step, scale, adam, 1);
    }
    UpdateRule.AdamW w = (UpdateRule.AdamW) rule;
    UpdateRule.Adam adam = new UpdateRule.Adam(w.beta1(), w.beta2(), w.eps(), 0);
    return adam(rate, step, scale, adam, 1 - rate * w.weightDecay());
  }

  private static double[] adam(
      double rate, long step, double scale, UpdateRule.Adam adam, double shrink) {
    return new double[] {
      rate / (1 - Math.pow(adam.beta1(), step)),
      scale,
      adam.beta2(),
      1 - adam.beta1(),
      1 - adam.beta2(),
      adam.eps(),
      Math.sqrt(1 - Math.pow(adam.beta2(), step)),
      adam.weightDecay(),
      shrink
    };
  }

  private Device.Launch update(Range range) {
    Arguments arguments =
        new Arguments().add(address(parameters, range)).add(address(gradients, range));
    states.forEach(state -> arguments.add(address(state, range)));
    arguments.add(constants.address(0, constants.bytes())).add(range.count());
    return gpu.launch(
        states.size() == 2 ? "adam" : "sgd",
        Kernel.Grid.over(
            (range.count() + 3) / 4, Gpu.THREADS, BLOCKS_PER_SM * gpu.limits().multiprocessors()),
        arguments);
  }

  @Override
  public void accumulate(Tensor target, Tensor source, GradientWrite policy) {
    Place to = DeviceBuffer.place(target);
    Place from = DeviceBuffer.place(source);
    if (policy == GradientWrite.OVERWRITE) {
      gpu.stream().copy(to.memory(), to.offset(), from.memory(), from.offset(), target.bytes());
      return;
    }
    long elements = target.elements();
    try (Device.Launch add =
        gpu.launch(
            "add_float",
            Gpu.vectorGrid(gpu.limits(), elements),
            new Arguments()
                .add(to.address())
                .add(from.address())
                .add(to.address())
                .add(elements))) {
      add.run();
    }
  }

  @Override
  public void close() {
    gpu.stream().synchronize();
    List<AutoCloseable> owned =
        new ArrayList<>(List.of(pinned, constants, partial, uploaded, firstSum, furtherSum));
    owned.addAll(updates.values());
    owned.addAll(squares.values());
    Closing.closeAll(owned);
  }
}
