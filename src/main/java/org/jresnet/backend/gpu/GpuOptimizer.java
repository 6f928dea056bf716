package org.jresnet.backend.gpu;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.LossScale;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;
import org.jresnet.backend.Updates;
import org.jresnet.base.Closing;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.jresnet.nativebindings.cuda.PinnedMemory;

/** Optimizers over the flat arenas: one kernel per run of neighbouring parameters. */
final class GpuOptimizer implements Optimizer {
  /** What kernels take of a step, see {@link #constants}. */
  static final int CONSTANTS = 9;

  private static final int BLOCKS = 1024;

  /** As the bounds of adam and sgd have it. */
  private static final int BLOCKS_PER_SM = 5;

  private final Gpu gpu;
  private final UpdateRule rule;
  private final Tensor parameters;
  private final Tensor gradients;
  private final List<Tensor> states;
  private final PinnedMemory norm = new PinnedMemory(8);

  /** The constants as floats, and whether there is an update. */
  private final DeviceMemory constants = new DeviceMemory(4L * (CONSTANTS + 1));

  private final DeviceMemory partial = new DeviceMemory(8L * (BLOCKS + 1));
  private final GpuUpload upload;
  private final double[] values = new double[CONSTANTS];
  private final Map<Range, Device.Launch> updates = new HashMap<>();
  private final Map<Range, Device.Launch> squares = new HashMap<>();
  private final Device.Launch firstSum;
  private final Device.Launch furtherSum;
  private final Function<Range, Device.Launch> squaresOf = this::squares;
  private final Function<Range, Device.Launch> updateOf = this::update;

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
    upload = new GpuUpload(gpu, new Place(constants, 0), (int) constants.bytes());
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
    sumSquares(ranges);
    gpu.stream().download(norm.pointer(), partial, 0, 8);
    gpu.stream().synchronize();
    return Math.sqrt(norm.view().getDouble(0));
  }

  /** Sends the sum of the squared gradients to the device; see {@link #sum}. */
  void sumSquares(List<Range> ranges) {
    if (ranges.isEmpty()) {
      gpu.stream().clear(partial, 0, 8);
    }
    Device.Launch sum = firstSum;
    for (int i = 0; i < ranges.size(); i++) {
      squares.computeIfAbsent(ranges.get(i), squaresOf).run();
      sum.run();
      sum = furtherSum;
    }
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
    constants(rule, learningRate, step, gradientScale, values);
    ByteBuffer view = upload.next();
    for (int i = 0; i < CONSTANTS; i++) {
      view.putFloat(4 * i, (float) values[i]);
    }
    view.putFloat(4 * CONSTANTS, 1);
    upload.send();
    update(ranges);
  }

  /** Sends the updates, which the constants on the device may forbid. */
  void update(List<Range> ranges) {
    for (int i = 0; i < ranges.size(); i++) {
      updates.computeIfAbsent(ranges.get(i), updateOf).run();
    }
  }

  @Override
  public Updates updates(double clip, LossScale scale, long done, Tensor gradientScale) {
    Arguments arguments =
        new Arguments()
            .add(partial.address(0, 8))
            .add(constants.address(0, constants.bytes()))
            .add(DeviceBuffer.place(gradients).address())
            .add(gradients.elements())
            .add(DeviceBuffer.place(gradientScale).address());
    return new GpuUpdates(gpu, this, rule, new GpuUpdates.Start(clip, scale, done), arguments);
  }

  /**
   * The constants of a step as the kernels take them, computed in double precision as the CPU
   * backend does: 1 − 0.999f would be 1.3e-5 off.
   *
   * @param to where they go, {@link #CONSTANTS} of them
   */
  static void constants(UpdateRule rule, double rate, long step, double scale, double[] to) {
    to[1] = scale;
    if (rule instanceof UpdateRule.Adam a) {
      moments(a.beta1(), a.beta2(), a.eps(), step, to);
      to[0] = rate / (1 - Math.pow(a.beta1(), step));
      to[7] = a.weightDecay();
      to[8] = 1;
    } else if (rule instanceof UpdateRule.AdamW w) {
      moments(w.beta1(), w.beta2(), w.eps(), step, to);
      to[0] = rate / (1 - Math.pow(w.beta1(), step));
      to[7] = 0;
      to[8] = 1 - rate * w.weightDecay();
    } else if (rule instanceof UpdateRule.Sgd sgd) {
      to[0] = rate;
      to[2] = sgd.momentum();
      to[3] = 0;
      to[4] = 0;
      to[5] = 0;
      to[6] = 1;
      to[7] = sgd.weightDecay();
      to[8] = 1;
    }
  }

  private static void moments(double beta1, double beta2, double eps, long step, double[] to) {
    to[2] = beta2;
    to[3] = 1 - beta1;
    to[4] = 1 - beta2;
    to[5] = eps;
    to[6] = Math.sqrt(1 - Math.pow(beta2, step));
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
        new ArrayList<>(List.of(norm, upload, constants, partial, firstSum, furtherSum));
    owned.addAll(updates.values());
    owned.addAll(squares.values());
    Closing.closeAll(owned);
  }
}
