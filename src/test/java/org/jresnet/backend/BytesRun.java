package org.jresnet.backend;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.jresnet.check.OpRun;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.testing.TestBackends;

/** Runs an op on bytes once, with scratch memory that is not clean. */
final class BytesRun {
  private BytesRun() {}

  /** The backend of that name; what cannot compute int8 here is skipped with its reason. */
  static Backend open(String name) {
    Backend backend = TestBackends.open(name);
    if (backend.supports(Precision.INT8) instanceof Support.No no) {
      backend.close();
      assumeTrue(false, no.reason());
    }
    return backend;
  }

  static byte[] bytes(Random random, Shape shape, QuantParams stored) {
    byte[] bytes = new byte[Math.toIntExact(shape.elements())];
    random.nextBytes(bytes);
    if (stored.type() == DType.I8) {
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = (byte) Math.max(-127, bytes[i]);
      }
    }
    return bytes;
  }

  /** The integer that a byte is. */
  static int value(byte stored, QuantParams as) {
    return as.type() == DType.U8 ? stored & 255 : stored;
  }

  /** On a GPU bytes from 0 to 255 are kept 128 lower, which is their highest bit the other way. */
  private static byte[] kept(Backend backend, byte[] bytes, QuantParams as) {
    byte[] kept = bytes.clone();
    for (int i = 0; i < kept.length; i++) {
      kept[i] ^= (byte) (backend.name().equals("gpu") && as.type() == DType.U8 ? 128 : 0);
    }
    return kept;
  }

  /**
   * Forward, after prepare.
   *
   * @param bytes what tensors hold, Y also where it is overwritten; a sum's residual lies in Y
   * @param floats what the other operands hold
   * @return what Y holds then
   */
  static byte[] run(
      Backend backend, OpSpec spec, Map<Slot, byte[]> bytes, Map<Slot, float[]> floats) {
    QuantParams out = spec.output().quant().orElseThrow();
    try (OpPlan plan = backend.plan(spec)) {
      Map<Slot, Long> sizes = new TreeMap<>(OpRun.extras(plan));
      bytes.forEach((slot, values) -> sizes.put(slot, (long) values.length));
      floats.forEach((slot, values) -> sizes.put(slot, 4L * values.length));
      long total = sizes.values().stream().mapToLong(s -> (s + 255) / 256 * 256).sum();
      try (Buffer memory = backend.allocate("a test", total)) {
        Operands operands = new Operands();
        long offset = 0;
        for (Map.Entry<Slot, Long> e : sizes.entrySet()) {
          boolean wide = floats.containsKey(e.getKey());
          operands.with(
              e.getKey(),
              new Tensor(
                  memory,
                  offset,
                  wide ? DType.F32 : DType.U8,
                  wide ? e.getValue() / 4 : e.getValue()));
          offset += (e.getValue() + 255) / 256 * 256;
        }
        floats.forEach((slot, values) -> operands.get(slot).set(values));
        bytes.forEach(
            (slot, values) ->
                memory.write(
                    operands.get(slot).offset(),
                    ByteBuffer.wrap(kept(backend, values, given(spec, slot)))));
        if (spec.adds()) {
          operands.with(Slot.RESIDUAL, operands.get(Slot.Y));
        }
        try (BoundOp op = plan.bind(operands)) {
          op.prepare();
          OpRun.poison(operands);
          op.forward();
        }
        byte[] y = new byte[bytes.get(Slot.Y).length];
        memory.read(operands.get(Slot.Y).offset(), ByteBuffer.wrap(y));
        return kept(backend, y, out);
      }
    }
  }

  private static QuantParams given(OpSpec spec, Slot slot) {
    Optional<QuantParams> quant =
        slot == Slot.X
            ? spec.inputs().get(0).quant()
            : spec.inputs().size() > 1 && (spec.adds() || slot == Slot.RESIDUAL)
                ? spec.inputs().get(1).quant()
                : spec.output().quant();
    return quant.orElseThrow();
  }
}
