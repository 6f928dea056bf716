package org.jresnet.backend;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jresnet.graph.Activation;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;

/**
 * What a backend is asked to compute: an op of the network with its extents and types, the ops that
 * are computed along with it, and the gradients that are wanted. {@link #operands} follows from it.
 *
 * @param op what is computed
 * @param tail what follows within the same call, as {@link Op#takes} allows: {@code y =
 *     act(norm(op(x)) + residual)}
 * @param inputs the op's inputs, then what the tail adds
 * @param output what comes out
 * @param mode whether the op behaves as in training
 * @param pass whether backward will be called
 * @param gradients how each wanted gradient is written; those that are absent are not
 */
public record OpSpec(
    Op op,
    List<Op> tail,
    List<TensorSpec> inputs,
    TensorSpec output,
    Mode mode,
    Pass pass,
    Map<Slot, GradientWrite> gradients) {
  /** Copies the collections and checks that they belong to the op. */
  public OpSpec {
    tail = List.copyOf(tail);
    inputs = List.copyOf(inputs);
    Map<Slot, GradientWrite> wanted = new TreeMap<>();
    wanted.putAll(gradients);
    wanted.values().removeIf(write -> write == GradientWrite.NONE);
    gradients = Collections.unmodifiableMap(wanted);
    boolean training = pass == Pass.TRAINING;
    List<Op.Part> parts = new ArrayList<>(op.takes(!training));
    if (training && op.part() == Op.Part.NORM) {
      // See Backend.fuses.
      parts.add(Op.Part.CONVOLUTION);
    }
    if (!tail.stream()
        .allMatch(o -> parts.contains(o.part()) && (!training || followsFromOutput(o)))) {
      throw new IllegalArgumentException(op + " takes " + parts + " along, found " + tail);
    }
    if (inputs.size() != op.arity() + tail.stream().filter(o -> o.arity() > 1).count()) {
      throw new IllegalArgumentException("inputs " + inputs + " do not fit " + op + tail);
    }
  }

  /** Whether the output of the whole call tells a part's gradient. */
  private static boolean followsFromOutput(Op part) {
    return part.fusesInTraining() || part.reads(Slot.DX).equals(Set.of(Slot.Y));
  }

  /** Short name of what is computed: {@code conv+norm+relu}. */
  public String kind() {
    return op.kind() + tail.stream().map(o -> "+" + o.kind()).collect(Collectors.joining());
  }

  /** Shape of {@link Slot#X}. */
  public Shape x() {
    return inputs.get(0).shape();
  }

  /** Shape of {@link Slot#Y}. */
  public Shape y() {
    return output.shape();
  }

  /** Type of the first input, and so of activations and of their gradients. */
  public DType type() {
    return inputs.get(0).type();
  }

  /** Type of parameters, statistics and their gradients. */
  public DType parameterType() {
    return type() == DType.F64 ? DType.F64 : DType.F32;
  }

  /** Whether and how a gradient is written. */
  public GradientWrite write(Slot gradient) {
    return gradients.getOrDefault(gradient, GradientWrite.NONE);
  }

  /** Whether {@link Slot#BIAS} is added within the call. */
  public boolean biased() {
    return parameters().stream().anyMatch(p -> p.role().slot().equals(Optional.of(Slot.BIAS)));
  }

  /** The op of the tail that is such a part. */
  public Optional<Op> part(Op.Part part) {
    return tail.stream().filter(o -> o.part() == part).findFirst();
  }

  /** Whether a convolution ends the call, which reads what norm and activation make. */
  public boolean convolves() {
    return part(Op.Part.CONVOLUTION).isPresent();
  }

  /** Whether {@link Slot#RESIDUAL} is added within the call. */
  public boolean adds() {
    return part(Op.Part.RESIDUAL).isPresent();
  }

  /** Whether an activation ends the call, or stands before the convolution that does. */
  public boolean activates() {
    return part(Op.Part.ACTIVATION).isPresent();
  }

  /** The activation that {@link #activates}. */
  public Optional<Activation> activation() {
    return part(Op.Part.ACTIVATION).map(Activation.class::cast);
  }

  /** Multiply-accumulates of one forward pass; 0 for elementwise ops. */
  public long macs() {
    return op.macs(output.shape()) + tail.stream().mapToLong(o -> o.macs(output.shape())).sum();
  }

  /** Whether RESIDUAL and Y must be one tensor: folded convolutions add to what is there. */
  public boolean inPlace() {
    return pass == Pass.INFERENCE && adds() && part(Op.Part.NORM).isPresent();
  }

  /** Every operand but those that only the plan knows; see {@link OpPlan#operands}. */
  public List<Operand> operands() {
    List<Operand> all = new ArrayList<>();
    Set<Slot> backward = readsBackward();
    for (int i = 0; i < inputs.size(); i++) {
      all.add(activation(Slot.input(i), inputs.get(i), backward));
    }
    all.add(activation(Slot.Y, output, backward));
    if (inputs.get(0).summed()) {
      all.add(sums(Slot.X_SUMS, x(), Set.of(Phase.FORWARD), Set.of()));
    }
    if (output.summed()) {
      all.add(sums(Slot.Y_SUMS, y(), Set.of(), Set.of(Phase.FORWARD)));
    }
    for (Parameter p : parameters()) {
      p.role().slot().ifPresent(slot -> all.add(parameter(slot, p.shape(), backward)));
    }
    if (op.draws() && mode == Mode.TRAIN) {
      Set<Phase> reads = Set.of(Phase.FORWARD, Phase.BACKWARD);
      all.add(new Operand(Slot.KEY, List.of(1L), DType.F64, reads, Set.of(), Optional.empty()));
    }
    if (pass == Pass.TRAINING) {
      all.add(gradient(Slot.DY, all));
      gradients.keySet().forEach(slot -> all.add(gradient(slot, all)));
    }
    return all;
  }

  private List<Parameter> parameters() {
    List<Parameter> parameters = new ArrayList<>(op.parameters(""));
    tail.forEach(o -> parameters.addAll(o.parameters("")));
    return parameters;
  }

  private Set<Slot> readsBackward() {
    Set<Slot> read = new TreeSet<>();
    gradients.keySet().forEach(gradient -> read.addAll(op.reads(gradient)));
    if (pass == Pass.TRAINING && convolves()) {
      // What the activation let through is computed again from X.
      read.add(Slot.BETA);
      read.addAll(part(Op.Part.CONVOLUTION).orElseThrow().reads(Slot.DX));
    } else if (pass == Pass.TRAINING) {
      tail.forEach(o -> read.addAll(o.part() == Op.Part.ACTIVATION ? o.reads(Slot.DX) : Set.of()));
    }
    return read;
  }

  private Operand sums(Slot slot, Shape of, Set<Phase> reads, Set<Phase> writes) {
    List<Long> extents = List.of(2L, (long) of.c());
    return new Operand(slot, extents, parameterType(), reads, writes, Optional.empty());
  }

  private Operand activation(Slot slot, TensorSpec tensor, Set<Slot> backward) {
    Shape s = tensor.shape();
    Set<Phase> reads = EnumSet.noneOf(Phase.class);
    if (slot != Slot.Y) {
      reads.add(Phase.FORWARD);
    }
    if (backward.contains(slot)) {
      reads.add(Phase.BACKWARD);
    }
    return new Operand(
        slot,
        List.of((long) s.n(), (long) s.h(), (long) s.w(), (long) s.c()),
        tensor.type(),
        reads,
        slot == Slot.Y ? Set.of(Phase.FORWARD) : Set.of(),
        slot == Slot.Y && inPlace() ? Optional.of(Slot.RESIDUAL) : Optional.empty());
  }

  private Operand parameter(Slot slot, List<Integer> shape, Set<Slot> backward) {
    // State that moves on in forward is not what backward needs: it keeps the batch's own.
    boolean moves = slot.kind() == Slot.Kind.STATE && mode == Mode.TRAIN;
    Set<Phase> reads = EnumSet.of(Phase.FORWARD);
    if (!moves) {
      reads.add(Phase.PREPARE);
      if (backward.contains(slot)) {
        reads.add(Phase.BACKWARD);
      }
    }
    Set<Phase> writes = moves ? Set.of(Phase.FORWARD) : Set.of();
    List<Long> extents = shape.stream().map(Integer::longValue).toList();
    return new Operand(slot, extents, parameterType(), reads, writes, Optional.empty());
  }

  private Operand gradient(Slot slot, List<Operand> all) {
    Slot of = slot.gradientOf().orElseThrow();
    Operand primal =
        all.stream()
            .filter(o -> o.slot() == of)
            .findFirst()
            .orElseThrow(
                () -> new IllegalArgumentException(kind() + " has no " + of + ", so no " + slot));
    boolean reads = slot == Slot.DY || write(slot) == GradientWrite.ACCUMULATE;
    return new Operand(
        slot,
        primal.extents(),
        primal.type(),
        reads ? Set.of(Phase.BACKWARD) : Set.of(),
        slot == Slot.DY ? Set.of() : Set.of(Phase.BACKWARD),
        slot == Slot.DRESIDUAL && adds() ? Optional.of(Slot.DY) : Optional.empty());
  }
}
