package org.jresnet.backend.cpu;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.Operand;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Tensor;
import org.jresnet.base.BFloat16;
import org.jresnet.base.Closing;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Times the candidates of a part on its real shape, after it has compared what they compute with
 * what the first one does. Operands come from memory, as in a step, where the tensors of other ops
 * have passed through the caches since. Times are the least of alternating runs: what disturbs a
 * run only makes it longer.
 */
final class Race implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Race.class);

  /** Runs in a row without a better time, after which a candidate shows what it can do. */
  private static final int STEADY = 4;

  /** The same for code that has not raced in this process; compiling it takes as long. */
  private static final long YOUNG_NANOS = 500_000_000;

  private static final Set<String> COMPILED = ConcurrentHashMap.newKeySet();

  /** What a better time saves at least. */
  private static final double BETTER = 0.97;

  /** Time for each candidate after which no more runs are made. */
  private static final long ENOUGH_NANOS = 2_000_000_000;

  /** Largest difference from the first candidate, in units of its root mean square. */
  private static final float FLOAT_BOUND = 1e-3f;

  /** The same where results are rounded to eight bits. */
  private static final float HALF_BOUND = 0.06f;

  private static final int NOISE = 65_521;

  /** More than most caches hold; the second caches of other cores keep what they have. */
  private static final long SWEPT_BYTES = 64 << 20;

  private final CpuBackend backend;
  private final Part part;
  private final Operands operands = new Operands();
  private final List<Buffer> buffers = new ArrayList<>();
  private final FloatBuffer swept;
  private final float[] passing = new float[1024];

  private Race(CpuBackend backend, Part part) {
    this.backend = backend;
    this.part = part;
    Tensor tensor = new Tensor(buffer(SWEPT_BYTES), 0, DType.F32, SWEPT_BYTES / Float.BYTES);
    fill(tensor, 1);
    swept = CpuBuffer.floats(tensor);
  }

  /**
   * Milliseconds of each candidate that computes the part, by name; the first one is among them.
   */
  static Map<String, Double> run(CpuBackend backend, Part part, List<Candidate> candidates) {
    try (Race race = new Race(backend, part)) {
      return race.times(candidates);
    }
  }

  private Map<String, Double> times(List<Candidate> all) {
    List<Candidate> candidates = new ArrayList<>();
    List<OpPlan> plans = new ArrayList<>();
    List<BoundOp> ops = new ArrayList<>();
    try {
      for (Candidate candidate : all) {
        try {
          plans.add(candidate.plan().get());
          candidates.add(candidate);
        } catch (UnsupportedOperationException e) {
          if (candidate.name().equals(Candidate.LIBRARY)) {
            throw e;
          }
          LOG.debug("{} cannot compute {} here", candidate.name(), part.key(), e);
        }
      }
      part.spec().operands().forEach(this::allocate);
      for (OpPlan plan : plans) {
        ops.add(bind(plan));
      }
      Slot result = result();
      Map<Integer, Long> nanos = new LinkedHashMap<>();
      float[] expected = null;
      for (int i = 0; i < ops.size(); i++) {
        ops.get(i).prepare();
        fill(operands.get(result), 7);
        compute(ops.get(i));
        float[] found = values(operands.get(result));
        if (expected == null) {
          expected = found;
        }
        if (agrees(candidates.get(i), expected, found)) {
          nanos.put(i, Long.MAX_VALUE);
        }
      }
      String code = part.operation() + candidates.stream().map(Candidate::name).toList();
      time(ops, nanos, COMPILED.add(code) ? YOUNG_NANOS : 0);
      Map<String, Double> times = new LinkedHashMap<>();
      nanos.forEach((i, best) -> times.put(candidates.get(i).name(), best / 1e6));
      return times;
    } finally {
      Closing.closeAll(ops);
      Closing.closeAll(plans);
    }
  }

  /**
   * The JVM compiles a kernel while it runs, so a race goes on until nobody gets faster.
   *
   * @param quiet time without a better time that is needed for it
   */
  private void time(List<BoundOp> ops, Map<Integer, Long> nanos, long quiet) {
    long begin = System.nanoTime();
    long better = begin;
    int since = 0;
    while ((since < STEADY || System.nanoTime() - better < quiet)
        && System.nanoTime() - begin < quiet + ENOUGH_NANOS * nanos.size()) {
      since++;
      for (Map.Entry<Integer, Long> entry : nanos.entrySet()) {
        sweep();
        long start = System.nanoTime();
        compute(ops.get(entry.getKey()));
        long time = System.nanoTime() - start;
        if (time < BETTER * entry.getValue()) {
          since = 0;
          better = System.nanoTime();
        }
        entry.setValue(Math.min(entry.getValue(), time));
      }
    }
  }

  /** Leaves little of the operands in the caches. */
  private void sweep() {
    for (int at = 0; at < swept.capacity(); at += passing.length) {
      swept.get(at, passing);
    }
  }

  private void compute(BoundOp op) {
    if (part.phases().contains(Phase.FORWARD)) {
      op.forward();
    }
    if (part.phases().contains(Phase.BACKWARD)) {
      op.backward();
    }
  }

  /** What the part computes last. */
  private Slot result() {
    return part.spec().gradients().keySet().stream()
        .reduce((first, second) -> second)
        .orElse(Slot.Y);
  }

  private boolean agrees(Candidate candidate, float[] expected, float[] found) {
    double square = 0;
    float worst = 0;
    for (int i = 0; i < expected.length; i++) {
      square += (double) expected[i] * expected[i];
      float difference = Math.abs(expected[i] - found[i]);
      worst = difference <= worst ? worst : difference;
    }
    boolean half = operands.get(result()).type() != DType.F32;
    double bound = (half ? HALF_BOUND : FLOAT_BOUND) * Math.sqrt(square / expected.length);
    if (worst <= bound) {
      return true;
    }
    LOG.warn(
        "{} computes other values than {} and takes no part ({} of {} allowed): {}",
        candidate.name(),
        Candidate.LIBRARY,
        worst,
        bound,
        part.key());
    return false;
  }

  private static float[] values(Tensor tensor) {
    if (tensor.type().bytes() > 1) {
      return tensor.toFloats();
    }
    byte[] bytes = new byte[Math.toIntExact(tensor.elements())];
    tensor.buffer().read(tensor.offset(), ByteBuffer.wrap(bytes));
    float[] values = new float[bytes.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = tensor.type() == DType.U8 ? bytes[i] & 0xFF : bytes[i];
    }
    return values;
  }

  private void allocate(Operand operand) {
    Slot shared = operand.slot() == Slot.Y && part.spec().inPlace() ? Slot.RESIDUAL : null;
    if (shared != null) {
      operands.with(operand.slot(), operands.get(shared));
      return;
    }
    Tensor tensor = new Tensor(buffer(operand.bytes()), 0, operand.type(), operand.elements());
    // A variance must be positive.
    boolean positive = operand.slot() == Slot.RUNNING_VAR;
    fill(tensor, buffers.size(), positive ? 0.5 : -0.5);
    operands.with(operand.slot(), tensor);
  }

  private BoundOp bind(OpPlan plan) {
    for (Operand operand : plan.operands()) {
      if (operand.slot().kind() == Slot.Kind.EXTRA) {
        operands.with(
            operand.slot(), new Tensor(buffer(operand.bytes()), 0, DType.U8, operand.elements()));
      }
    }
    return plan.bind(operands);
  }

  private Buffer buffer(long bytes) {
    Buffer buffer = backend.allocate("a race of kernels", bytes);
    buffers.add(buffer);
    return buffer;
  }

  /** Values between -1/2 and 1/2. */
  private static void fill(Tensor tensor, long seed) {
    fill(tensor, seed, -0.5);
  }

  private static void fill(Tensor tensor, long seed, double least) {
    SplittableRandom random = new SplittableRandom(seed);
    int width = tensor.type().bytes();
    ByteBuffer noise = ByteBuffer.allocate(NOISE * width).order(ByteOrder.nativeOrder());
    for (int i = 0; i < NOISE; i++) {
      float value = (float) random.nextDouble(least, least + 1);
      switch (tensor.type()) {
        case F32 -> noise.putFloat(i * width, value);
        case BF16 -> noise.putShort(i * width, BFloat16.of(value));
        default -> noise.put(i * width, (byte) (value * 100));
      }
    }
    for (long at = 0; at < tensor.elements(); at += NOISE) {
      long count = Math.min(NOISE, tensor.elements() - at);
      tensor.buffer().write(tensor.offset() + at * width, noise.clear().limit((int) count * width));
    }
  }

  @Override
  public void close() {
    Closing.closeAll(buffers);
  }
}
