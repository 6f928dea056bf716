package org.jresnet.bench;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.jresnet.backend.Backend;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.Contest;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operand;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.backend.QuantParams;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.TensorSpec;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.base.BFloat16;
import org.jresnet.base.Closing;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;

/**
 * How far implementations of a convolution are from the reference backend in double precision, for
 * one image of normally distributed values. Both sides get activations that the tested type can
 * hold, and weights in single precision, as the optimizer keeps them.
 */
final class ConvolutionError {
  /** Range of int8 inputs in standard deviations, about where a calibration clips them. */
  private static final double RANGE = 4;

  private final Backend backend;
  private final OpSpec op;
  private final Map<Slot, double[]> inputs = new TreeMap<>();
  private final Map<Slot, double[]> expected;

  /** Range of int8 outputs. */
  private final double range;

  /** Computes what the reference does for an op. */
  ConvolutionError(Backend backend, OpSpec op) {
    this.backend = backend;
    this.op = op;
    for (Operand operand : oneImage(op, RANGE).operands()) {
      if (!operand.reads().isEmpty()) {
        inputs.put(operand.slot(), values(operand, quant(oneImage(op, RANGE), operand.slot())));
      }
    }
    OpSpec exact = with(op, tensor -> new TensorSpec(one(tensor.shape()), DType.F64));
    try (ReferenceBackend reference = new ReferenceBackend();
        OpPlan plan = reference.plan(exact)) {
      expected = run(reference, plan);
    }
    double largest = 0;
    for (double y : expected.get(Slot.Y)) {
      largest = Math.max(largest, Math.abs(y));
    }
    range = largest;
  }

  /** The op that was computed. */
  OpSpec op() {
    return op;
  }

  /** Root mean square of a candidate's differences, relative to that of the values. */
  double of(Contest contest, String candidate) {
    OpSpec part = oneImage(contest.spec(), range);
    Slot result =
        part.gradients().keySet().stream().reduce((first, second) -> second).orElse(Slot.Y);
    double[] found;
    try (OpPlan plan = backend.plan(part, candidate)) {
      found = run(backend, plan).get(result);
    }
    double[] exact = expected.get(result);
    double difference = 0;
    double square = 0;
    for (int i = 0; i < exact.length; i++) {
      difference += (found[i] - exact[i]) * (found[i] - exact[i]);
      square += exact[i] * exact[i];
    }
    return Math.sqrt(difference / square);
  }

  /** Computes for the inputs, and returns what was written. */
  private Map<Slot, double[]> run(Backend on, OpPlan plan) {
    OpSpec spec = plan.spec();
    List<Buffer> buffers = new ArrayList<>();
    try {
      Operands operands = new Operands();
      for (Operand operand : plan.operands()) {
        boolean over = operand.slot() == Slot.Y && spec.inPlace();
        Buffer buffer =
            over
                ? operands.get(Slot.RESIDUAL).buffer()
                : on.allocate("the error of a kernel", operand.bytes());
        if (!over) {
          buffers.add(buffer);
        }
        Tensor tensor = new Tensor(buffer, 0, operand.type(), operand.elements());
        operands.with(operand.slot(), tensor);
        if (inputs.containsKey(operand.slot())) {
          write(tensor, inputs.get(operand.slot()), quant(spec, operand.slot()));
        }
      }
      try (BoundOp bound = plan.bind(operands)) {
        bound.prepare();
        bound.forward();
        if (spec.pass() == Pass.TRAINING) {
          bound.backward();
          bound.join();
          bound.finish();
        }
      }
      Map<Slot, double[]> results = new TreeMap<>();
      for (Operand operand : spec.operands()) {
        if (!operand.writes().isEmpty()) {
          Slot slot = operand.slot();
          results.put(slot, read(operands.get(slot), quant(spec, slot)));
        }
      }
      return results;
    } finally {
      Closing.closeAll(buffers);
    }
  }

  private static Shape one(Shape shape) {
    return new Shape(1, shape.h(), shape.w(), shape.c());
  }

  /** The op for one image, whose inputs and outputs in int8 have sensible ranges. */
  private static OpSpec oneImage(OpSpec spec, double outputs) {
    OpSpec one = with(spec, tensor -> ranged(tensor, RANGE));
    return new OpSpec(
        one.op(),
        one.tail(),
        one.inputs(),
        ranged(spec.output(), outputs),
        one.mode(),
        one.pass(),
        one.gradients());
  }

  private static TensorSpec ranged(TensorSpec tensor, double range) {
    Shape shape = one(tensor.shape());
    return tensor.quant().isEmpty()
        ? new TensorSpec(shape, tensor.type())
        : new TensorSpec(shape, QuantParams.of(range, tensor.type() == DType.I8));
  }

  private static OpSpec with(OpSpec s, UnaryOperator<TensorSpec> change) {
    return new OpSpec(
        s.op(),
        s.tail(),
        s.inputs().stream().map(change).toList(),
        change.apply(s.output()),
        s.mode(),
        s.pass(),
        s.gradients());
  }

  private static Optional<QuantParams> quant(OpSpec spec, Slot slot) {
    if (slot.kind() == Slot.Kind.INPUT) {
      return spec.inputs().get(slot.index()).quant();
    }
    return slot == Slot.Y ? spec.output().quant() : Optional.empty();
  }

  private static double[] values(Operand operand, Optional<QuantParams> quant) {
    Slot slot = operand.slot();
    Random random = new Random(slot.name().hashCode());
    double[] values = new double[Math.toIntExact(operand.elements())];
    // A typical filter: the sum over its window has about the size of one input.
    double scale =
        slot == Slot.WEIGHT ? Math.sqrt(operand.extents().get(0) / (double) values.length) : 1;
    for (int i = 0; i < values.length; i++) {
      double v =
          slot == Slot.RUNNING_VAR ? 0.5 + random.nextDouble() : scale * random.nextGaussian();
      values[i] =
          quant.isPresent()
              ? quant.get().integer(v) * quant.get().scale()
              : operand.type() == DType.BF16 ? BFloat16.toFloat(BFloat16.of((float) v)) : (float) v;
    }
    return values;
  }

  private static void write(Tensor tensor, double[] values, Optional<QuantParams> quant) {
    ByteBuffer bytes = bytes(tensor);
    for (double v : values) {
      switch (tensor.type()) {
        case F64 -> bytes.putDouble(v);
        case F32 -> bytes.putFloat((float) v);
        case BF16 -> bytes.putShort(BFloat16.of((float) v));
        default -> bytes.put((byte) quant.orElseThrow().integer(v));
      }
    }
    tensor.buffer().write(tensor.offset(), bytes.flip());
  }

  private static double[] read(Tensor tensor, Optional<QuantParams> quant) {
    ByteBuffer bytes = bytes(tensor);
    tensor.buffer().read(tensor.offset(), bytes);
    bytes.flip();
    double[] values = new double[Math.toIntExact(tensor.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (tensor.type()) {
            case F64 -> bytes.getDouble();
            case F32 -> bytes.getFloat();
            case BF16 -> BFloat16.toFloat(bytes.getShort());
            case U8 -> (bytes.get() & 0xFF) * quant.orElseThrow().scale();
            default -> bytes.get() * quant.orElseThrow().scale();
          };
    }
    return values;
  }

  private static ByteBuffer bytes(Tensor tensor) {
    return ByteBuffer.allocate(Math.toIntExact(tensor.bytes())).order(ByteOrder.LITTLE_ENDIAN);
  }
}
