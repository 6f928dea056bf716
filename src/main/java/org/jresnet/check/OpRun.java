package org.jresnet.check;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jresnet.backend.Backend;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operand;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Tensor;
import org.jresnet.base.BFloat16;
import org.jresnet.base.Float16;
import org.jresnet.graph.DType;
import org.jresnet.graph.Slot;

/**
 * Runs one op of one backend over memory that trusts nobody: all of it is NaN (0xFF bytes) before
 * inputs are written, so an output element that is never written shows, and so does a read outside
 * of a tensor; zones between tensors must keep their bytes. Each zone holds NaN of its own pattern:
 * a loop that runs past the end copies one zone to another, which equal ones would hide. The
 * scratch memory is poisoned again between prepare, forward and backward, because other ops may use
 * it there.
 */
public final class OpRun {
  private static final int GUARD = 256;
  private static final int ALIGNMENT = 256;
  private static final byte POISON = (byte) 0xFF;

  private OpRun() {}

  /**
   * Runs forward, and backward where the spec trains.
   *
   * @param inputs values of all slots that the op reads, and of gradients that it adds to or leaves
   *     alone
   * @param aliases slots that share another slot's tensor
   * @return the values of all slots afterwards
   */
  public static Map<Slot, double[]> run(
      Backend backend, OpSpec spec, Map<Slot, double[]> inputs, Map<Slot, Slot> aliases) {
    Set<Slot> slots = slots(spec);
    try (OpPlan plan = backend.plan(spec)) {
      Map<Slot, Long> bytes = new TreeMap<>();
      for (Slot slot : slots) {
        if (!aliases.containsKey(slot)) {
          bytes.put(slot, (long) elements(spec, slot) * type(spec, slot).bytes());
        }
      }
      bytes.putAll(extras(plan));
      Map<Slot, Long> offsets = new TreeMap<>();
      long end = GUARD;
      for (Map.Entry<Slot, Long> e : bytes.entrySet()) {
        offsets.put(e.getKey(), end);
        end = (end + e.getValue() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + GUARD;
      }
      try (Buffer memory = backend.allocate("a test", end)) {
        fill(memory, 0, end);
        List<Zone> zones = zones(offsets, bytes, end);
        zones.forEach(zone -> memory.write(zone.from, ByteBuffer.wrap(zone.bytes())));
        Operands operands = new Operands();
        for (Slot slot : slots) {
          long offset = offsets.get(aliases.getOrDefault(slot, slot));
          operands.with(slot, new Tensor(memory, offset, type(spec, slot), elements(spec, slot)));
        }
        for (Slot slot : extras(plan).keySet()) {
          operands.with(slot, new Tensor(memory, offsets.get(slot), DType.U8, bytes.get(slot)));
        }
        inputs.forEach((slot, values) -> write(operands.get(slot), values));
        try (BoundOp op = plan.bind(operands)) {
          op.prepare();
          poison(operands);
          op.forward();
          if (spec.pass() == Pass.TRAINING) {
            poison(operands);
            op.backward();
            op.join();
            op.finish();
          }
        }
        zones.forEach(zone -> requireUntouched(memory, zone));
        Map<Slot, double[]> after = new TreeMap<>();
        slots.forEach(slot -> after.put(slot, read(operands.get(slot))));
        return after;
      }
    }
  }

  /** Bytes of the slots that a plan asks for, without those that it does not need. */
  public static Map<Slot, Long> extras(OpPlan plan) {
    Map<Slot, Long> extras = new TreeMap<>();
    extras.put(Slot.SAVED, plan.savedBytes());
    extras.put(Slot.PACKED, plan.packedBytes());
    extras.put(Slot.SCRATCH, plan.scratchBytes());
    extras.put(Slot.ASIDE, plan.asideBytes());
    extras.put(Slot.HELD, plan.heldBytes());
    extras.values().removeIf(bytes -> bytes == 0);
    return extras;
  }

  /** Does to the workspace what other ops may do to it between two calls of this one. */
  public static void poison(Operands operands) {
    if (operands.has(Slot.SCRATCH)) {
      Tensor workspace = operands.get(Slot.SCRATCH);
      fill(workspace.buffer(), workspace.offset(), workspace.bytes());
    }
  }

  private static void fill(Buffer memory, long offset, long length) {
    byte[] poison = new byte[Math.toIntExact(length)];
    Arrays.fill(poison, POISON);
    memory.write(offset, ByteBuffer.wrap(poison));
  }

  /** The memory around tensors, from one end to the next start. */
  private record Zone(String name, long from, long to, int number) {
    /** NaN in every element type, and another one in each of up to 30 zones. */
    byte[] bytes() {
      byte[] bytes = new byte[Math.toIntExact(to - from)];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = (from + i) % 2 == 0 ? (byte) (0xE1 + number) : POISON;
      }
      return bytes;
    }
  }

  private static List<Zone> zones(Map<Slot, Long> offsets, Map<Slot, Long> bytes, long end) {
    List<Zone> zones = new ArrayList<>();
    long from = 0;
    String before = "the start";
    for (Slot slot : offsets.keySet()) {
      zones.add(new Zone(before + " and " + slot, from, offsets.get(slot), zones.size()));
      from = offsets.get(slot) + bytes.get(slot);
      before = slot.name();
    }
    zones.add(new Zone(before + " and the end", from, end, zones.size()));
    if (zones.size() > 30) {
      throw new IllegalStateException(zones.size() + " zones, patterns for 30");
    }
    return zones;
  }

  private static void requireUntouched(Buffer memory, Zone zone) {
    byte[] expected = zone.bytes();
    byte[] actual = new byte[expected.length];
    memory.read(zone.from, ByteBuffer.wrap(actual));
    int at = Arrays.mismatch(actual, expected);
    if (at >= 0) {
      throw new AssertionError("byte " + at + " between " + zone.name + " was overwritten");
    }
  }

  /** Writes doubles, rounded to the tensor's type. */
  public static void write(Tensor tensor, double[] values) {
    if (values.length != tensor.elements()) {
      throw new IllegalArgumentException(
          values.length + " values for a tensor of " + tensor.elements());
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) tensor.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (double v : values) {
      switch (tensor.type()) {
        case F64 -> bytes.putDouble(v);
        case F32, TF32 -> bytes.putFloat((float) v);
        case F16 -> bytes.putShort(Float16.of((float) v));
        default -> bytes.putShort(BFloat16.of((float) v));
      }
    }
    tensor.buffer().write(tensor.offset(), bytes.flip());
  }

  /** The tensor's values, without loss. */
  public static double[] read(Tensor tensor) {
    ByteBuffer bytes = ByteBuffer.allocate((int) tensor.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    tensor.buffer().read(tensor.offset(), bytes);
    bytes.flip();
    double[] values = new double[(int) tensor.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (tensor.type()) {
            case F64 -> bytes.getDouble();
            case F32, TF32 -> bytes.getFloat();
            case F16 -> Float16.toFloat(bytes.getShort());
            default -> BFloat16.toFloat(bytes.getShort());
          };
    }
    return values;
  }

  /** The value nearest to {@code v} in that type. */
  public static double round(double v, DType type) {
    return switch (type) {
      case F64 -> v;
      case F32, TF32 -> (float) v;
      case F16 -> Float16.toFloat(Float16.of((float) v));
      default -> BFloat16.toFloat(BFloat16.of((float) v));
    };
  }

  /** The slots of an op. */
  public static Set<Slot> slots(OpSpec spec) {
    return spec.operands().stream()
        .map(Operand::slot)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** The slots of an op, with the gradients that nobody wants of it. */
  public static Set<Slot> slotsAndGradients(OpSpec spec) {
    Set<Slot> slots = slots(spec);
    if (spec.pass() == Pass.TRAINING) {
      List.copyOf(slots).forEach(slot -> slot.gradient().ifPresent(slots::add));
    }
    return slots;
  }

  /** The slots that some phase writes. */
  public static Set<Slot> written(OpSpec spec) {
    return spec.operands().stream()
        .filter(o -> !o.writes().isEmpty())
        .map(Operand::slot)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** An operand, or that of the same form which a gradient belongs to. */
  private static Operand operand(OpSpec spec, Slot slot) {
    Slot primal = slot.gradientOf().orElse(slot);
    return spec.operands().stream()
        .filter(o -> o.slot() == primal)
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(spec.kind() + " has no " + slot));
  }

  /** Extents of a slot's tensor. */
  public static int[] extents(OpSpec spec, Slot slot) {
    return operand(spec, slot).extents().stream().mapToInt(Math::toIntExact).toArray();
  }

  public static int elements(OpSpec spec, Slot slot) {
    return Math.toIntExact(operand(spec, slot).elements());
  }

  /** Element type of a slot's tensor. */
  public static DType type(OpSpec spec, Slot slot) {
    return operand(spec, slot).type();
  }
}
