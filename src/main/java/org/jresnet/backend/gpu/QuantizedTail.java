package org.jresnet.backend.gpu;

import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.QuantParams;
import org.jresnet.backend.TensorSpec;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Activation.Function;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Elementwise;
import org.jresnet.nativebindings.cuda.Elementwise.Kind;
import org.jresnet.nativebindings.cuda.OpGraph.Value;

/**
 * What follows the sums of a convolution on bytes, in a unit that the activation does not mind: the
 * output's scale where it lets positive factors through, else 1.
 *
 * <pre>
 *   y = round(steps·act(factor[k]·Σ x·w[k] + bias[k] + share·residual)) − lowered
 * </pre>
 *
 * Bytes from 0 to 255 are kept 128 lower (see {@code bytes.h}). So a ReLU is the lower limit of
 * bytes and needs no operation, nor does a ReLU6 whose 6 is beyond the upper one.
 */
final class QuantizedTail {
  /** How much lower bytes from 0 to 255 are kept. */
  private static final int ZERO = 128;

  private final OpSpec spec;
  private final Optional<Activation> activation;

  QuantizedTail(OpSpec spec) {
    this.spec = spec;
    activation = spec.activation().filter(f -> !limits(f));
  }

  static QuantParams scale(TensorSpec tensor) {
    return tensor.quant().orElseThrow();
  }

  /** What the byte 0 stands for. */
  static int zero(TensorSpec tensor) {
    return tensor.type() == DType.U8 ? ZERO : 0;
  }

  /** Whether limiting to the bytes that there are is that activation. */
  private boolean limits(Activation f) {
    boolean unsigned = spec.output().type() == DType.U8;
    return unsigned
        && (f.function() == Function.RELU
            || f.function() == Function.RELU6 && 6 / scale(spec.output()).scale() > 254.5);
  }

  /** What 1 stands for in sums. */
  double unit() {
    boolean keepsFactors =
        activation.isEmpty() || activation.get().function() == Function.LEAKY_RELU;
    return keepsFactors ? scale(spec.output()).scale() : 1;
  }

  /** What one step of the residual is in units; 0 without a residual. */
  float share() {
    return spec.adds() ? (float) (scale(spec.inputs().get(1)).scale() / unit()) : 0;
  }

  /** What is added to each bias for bytes that are kept lower. */
  float shift() {
    float residual = spec.adds() ? share() * zero(spec.inputs().get(1)) : 0;
    return residual - (activation.isEmpty() ? zero(spec.output()) : 0);
  }

  /** The activation's number in kernels; 0 where limits are all there is. */
  int function() {
    return activation.map(ActivationPlan::code).orElse(0);
  }

  float slope() {
    return activation.map(f -> (float) f.slope()).orElse(0f);
  }

  /** What a unit is in steps of the output. */
  float steps() {
    return (float) (unit() / scale(spec.output()).scale());
  }

  int lowered() {
    return activation.isEmpty() ? 0 : zero(spec.output());
  }

  /** For keys of plans. */
  String text() {
    return (spec.adds() ? " + residual" : "")
        + activation.map(f -> " + " + ActivationPlan.text(f)).orElse("");
  }

  /** Adds it to a graph, from the sums on. */
  void draw(Draft d, Value sums, Shape biases) {
    Elementwise elementwise = new Elementwise(d.graph);
    Shape y = spec.y();
    Value scaled = d.wide(y);
    elementwise.multiply(sums, d.channels("factors", y.c()), scaled);
    boolean ends = activation.isEmpty();
    Value v = ends && !spec.adds() ? d.tensor("y", y) : d.wide(y);
    elementwise.add(scaled, d.wide("bias", biases), v);
    if (spec.adds()) {
      Value residual = d.wide(y);
      elementwise.multiply(d.tensor("residual", y), d.number("share"), residual);
      Value added = ends ? d.tensor("y", y) : d.wide(y);
      elementwise.add(v, residual, added);
      v = added;
    }
    if (!ends) {
      Value activated = activated(d, elementwise, v);
      Value counted = lowered() == 0 ? d.tensor("y", y) : d.wide(y);
      elementwise.multiply(activated, d.number("steps"), counted);
      if (lowered() != 0) {
        elementwise.add(counted, d.number("lowering"), d.tensor("y", y));
      }
    }
  }

  /** Those of cuDNN's functions, or six times what is put together of them. */
  private Value activated(Draft d, Elementwise elementwise, Value v) {
    Value made = d.wide(spec.y());
    Optional<Elementwise.Function> known = ActivationPlan.function(activation.orElseThrow());
    if (known.isPresent()) {
      elementwise.apply(known.get(), v, made);
      return made;
    }
    Value moved = d.wide(spec.y());
    elementwise.add(v, d.number("three"), moved);
    elementwise.apply(new Elementwise.Function(Kind.RELU, 6, 0), moved, made);
    if (activation.get().function() == Function.HARD_SIGMOID) {
      return made;
    }
    Value product = d.wide(spec.y());
    elementwise.multiply(v, made, product);
    return product;
  }

  private boolean composed() {
    return activation.isPresent() && ActivationPlan.function(activation.get()).isEmpty();
  }

  /** The operands of such a graph besides sums, factors and biases. */
  void bind(GpuBinding op, Map<String, Place> places, Map<String, Float> numbers) {
    places.put("y", op.at(Slot.Y));
    if (spec.adds()) {
      places.put("residual", op.at(Slot.RESIDUAL));
      numbers.put("share", share());
    }
    if (activation.isPresent()) {
      numbers.put("steps", composed() ? steps() / 6 : steps());
    }
    if (composed()) {
      numbers.put("three", 3f);
    }
    if (lowered() != 0) {
      numbers.put("lowering", (float) -lowered());
    }
  }
}
