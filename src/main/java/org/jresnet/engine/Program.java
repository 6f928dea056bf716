package org.jresnet.engine;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.jresnet.backend.Backend;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.InputOp;
import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.OpCall;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Tensor;
import org.jresnet.base.Closing;
import org.jresnet.base.UserError;
import org.jresnet.engine.Executable.NamedCall;
import org.jresnet.graph.Shape;

/** A schedule bound to memory: what runs, without choosing or allocating anything. */
final class Program implements AutoCloseable {
  private static final String OUTPUT = "the output of ";

  /** An action that can run, and the calls that it consists of. */
  private record Bound(Action action, Runnable body, List<OpCall> calls) {
    boolean is(Action.Kind kind) {
      return action.kind() == kind;
    }
  }

  private final Model model;
  private final CompileOptions options;
  private final Schedule schedule;
  private final List<AutoCloseable> owned = new ArrayList<>();
  private final List<Bound> bound = new ArrayList<>();
  private final Runnable[] prepare;
  private final Runnable[] forward;
  private final Runnable[] backward;
  private final Runnable[] work;
  private InputOp input;
  private LossOp loss;
  private byte[] lastPixels;
  private byte[] prefetched;
  private int[] lastLabels;
  private float[] lastValues;
  private long run = -1;

  Program(Model model, CompileOptions options, Schedule schedule) {
    this.model = model;
    this.options = options;
    this.schedule = schedule;
    try {
      bind();
      boolean training = options.pass() == Pass.TRAINING;
      // Training packs weights in each run: those of frozen layers, too, because guests overwrite
      // them.
      List<Bound> packing = bound.stream().filter(b -> b.is(Action.Kind.PREPARE)).toList();
      int end = bound.stream().map(b -> b.action.kind()).toList().indexOf(Action.Kind.LOSS);
      prepare = bodies(packing);
      work = sequences(training ? bound : bound.subList(packing.size(), bound.size()));
      forward = training ? bodies(bound.subList(0, end)) : work;
      backward = training ? bodies(bound.subList(end, bound.size())) : new Runnable[0];
    } catch (RuntimeException | Error e) {
      try {
        close();
      } catch (RuntimeException suppressed) {
        e.addSuppressed(suppressed);
      }
      throw e;
    }
  }

  private void bind() {
    Map<Unit, BoundOp> ops = new IdentityHashMap<>();
    for (Action action : schedule.actions()) {
      bound.add(
          switch (action.kind()) {
            case INPUT -> bindInput(action);
            case LOSS -> bindLoss(action);
            case CALLBACK -> {
              Callback callback = action.callback().orElseThrow();
              Tensor tensor = action.reads().get(0).tensor();
              yield new Bound(action, () -> callback.body().accept(tensor), List.of());
            }
            case EXCHANGE -> {
              GradientExchange exchange = options.exchange().orElseThrow();
              int bucket = action.bucket();
              yield new Bound(action, () -> exchange.start(bucket), List.of());
            }
            case TAP -> new Bound(action, () -> {}, List.of());
            case PREPARE, FINISH -> {
              List<BoundOp> each = action.units().stream().map(unit -> bound(ops, unit)).toList();
              yield bind(action, own(model.backend().together(each, action.kind().phase())));
            }
            default -> bind(action, bound(ops, action.unit().orElseThrow()));
          });
    }
  }

  private BoundOp bound(Map<Unit, BoundOp> ops, Unit unit) {
    return ops.computeIfAbsent(unit, u -> own(u.bind()));
  }

  private static Bound bind(Action action, BoundOp op) {
    Phase phase = action.kind().phase();
    Runnable body =
        switch (phase) {
          case PREPARE -> op::prepare;
          case FORWARD -> op::forward;
          case BACKWARD -> op::backward;
          case JOIN -> op::join;
          case FINISH -> op::finish;
        };
    return new Bound(action, body, op.calls().stream().filter(c -> c.phase() == phase).toList());
  }

  private Bound bindInput(Action action) {
    Value y = schedule.input();
    Shape shape =
        new Shape(options.batch(), options.height(), options.width(), model.graph().channels());
    input = own(model.backend().input(shape, options.normalization(), y.tensor()));
    long traffic = y.elements + y.bytes();
    Runnable loaded =
        () -> {
          input.load(lastPixels);
          input.run();
        };
    return new Bound(action, input::run, List.of(host(traffic, loaded)));
  }

  private Bound bindLoss(Action action) {
    Tensor logits = schedule.logits().tensor();
    if (logits.type() != model.precision().parameter()) {
      throw new UserError(
          ("%s ends in %s, whose output is %s in %s; a loss needs %s: end the network in a linear"
                  + " layer, or train in fp32")
              .formatted(
                  model.graph().name(),
                  model.graph().output().name(),
                  logits.type(),
                  model.precision().id(),
                  model.precision().parameter()));
    }
    int outputs = Math.toIntExact(logits.elements() / options.batch());
    LossSpec spec = new LossSpec(options.batch(), outputs, options.objective());
    loss =
        own(
            model
                .backend()
                .loss(spec, logits, schedule.logitGradient().tensor(), model.gradientScale()));
    Runnable whole =
        () -> {
          reload();
          loss.run();
          loss.value(loss.send());
        };
    return new Bound(action, loss::run, List.of(host(2 * logits.bytes(), whole)));
  }

  private static OpCall host(long bytes, Runnable body) {
    return new OpCall(Phase.FORWARD, "host", "java", 0, bytes, body);
  }

  private static Runnable[] bodies(List<Bound> actions) {
    return actions.stream().map(Bound::body).toArray(Runnable[]::new);
  }

  /** What a device may record, in one piece but for the host's code between. */
  private Runnable[] sequences(List<Bound> actions) {
    List<Runnable> pieces = new ArrayList<>();
    List<Bound> piece = new ArrayList<>();
    for (Bound action : actions) {
      if (action.is(Action.Kind.CALLBACK) || action.is(Action.Kind.EXCHANGE)) {
        if (!piece.isEmpty()) {
          pieces.add(own(sequence(piece))::run);
        }
        pieces.add(action.body);
        piece.clear();
      } else {
        piece.add(action);
      }
    }
    pieces.add(own(sequence(piece))::run);
    return pieces.toArray(Runnable[]::new);
  }

  private Backend.Sequence sequence(List<Bound> actions) {
    Runnable[] bodies = bodies(actions);
    return model.backend().sequence(() -> run(bodies));
  }

  private static void run(Runnable[] bodies) {
    for (Runnable body : bodies) {
      body.run();
    }
  }

  private <T extends AutoCloseable> T own(T resource) {
    owned.add(resource);
    return resource;
  }

  void load(byte[] pixels) {
    lastPixels = pixels;
    if (pixels != prefetched) {
      input.load(pixels);
    }
    prefetched = null;
  }

  void prefetch(byte[] pixels) {
    input.load(pixels);
    prefetched = pixels;
  }

  void load(int[] labels) {
    lastLabels = labels;
    lastValues = null;
    reload();
  }

  void load(float[] values) {
    lastLabels = null;
    lastValues = values;
    reload();
  }

  private void reload() {
    if (lastLabels != null) {
      loss.load(lastLabels);
    } else {
      loss.load(lastValues);
    }
  }

  void prepare() {
    run(prepare);
  }

  void forward() {
    run(forward);
  }

  /** What follows {@link #forward}. */
  long backward() {
    run(backward);
    run = loss.send();
    return run;
  }

  /** Everything. */
  long step() {
    run(work);
    run = loss.send();
    return run;
  }

  double loss(long number) {
    return loss.value(number);
  }

  int correct(long number) {
    return loss.correct(number);
  }

  int correct() {
    return loss.correct(run);
  }

  /** Makes an earlier batch the last one again. */
  void again(byte[] pixels, int[] labels) {
    lastPixels = pixels;
    lastLabels = labels;
    lastValues = null;
  }

  List<NamedCall> calls(byte[] pixels, int[] labels) {
    lastPixels = pixels;
    lastLabels = labels;
    List<NamedCall> calls = new ArrayList<>();
    for (Bound b : bound) {
      if (b.is(Action.Kind.PREPARE) && options.pass() == Pass.INFERENCE) {
        continue;
      }
      String kind = b.action.unit().map(u -> u.group().spec().op().kind()).orElse(b.action.node());
      boolean again = b.is(Action.Kind.RECOMPUTE);
      b.calls.forEach(
          call ->
              calls.add(new NamedCall(b.action.node(), again ? "recomputed " + kind : kind, call)));
    }
    return calls;
  }

  /**
   * Runs the last step action by action, to its end: norms over all ranks need every rank.
   *
   * @param before whose gradient is not finite, for where this step has none that is so
   */
  NonFinite locateNonFinite(Optional<String> before) {
    input.load(lastPixels);
    prefetched = null;
    if (loss != null) {
      reload();
    }
    NonFinite found = null;
    for (int i = 0; i < bound.size(); i++) {
      Bound b = bound.get(i);
      if (b.is(Action.Kind.EXCHANGE)) {
        // What each rank finds is its own.
        continue;
      }
      boolean looks = found == null && !b.is(Action.Kind.RECOMPUTE);
      Optional<String> name = looks ? nonFiniteBefore(b) : Optional.empty();
      b.body.run();
      if (looks && name.isEmpty()) {
        name = nonFiniteAfter(b);
      }
      found = name.isPresent() ? new NonFinite(i, name.get()) : found;
    }
    return found != null
        ? found
        : new NonFinite(
            NonFinite.AFTER, before.map(name -> "the gradient of " + name).orElse("the loss"));
  }

  /** Statistics that an action moves on reach nothing else in this step. */
  private static Optional<String> nonFiniteBefore(Bound b) {
    return first(b.action.reads(), v -> v.given() && !b.action.writes().contains(v))
        .map(v -> v.name);
  }

  private Optional<String> nonFiniteAfter(Bound b) {
    if (b.is(Action.Kind.LOSS) && !Double.isFinite(loss.value(loss.send()))) {
      return Optional.of("the loss");
    }
    // What is computed in place keeps the name of its first content.
    return first(b.action.writes(), v -> !v.given() || !b.action.reads().contains(v))
        .map(v -> v.name.startsWith(OUTPUT) ? OUTPUT + b.action.node() : v.name);
  }

  private static Optional<Value> first(List<Value> values, Predicate<Value> wanted) {
    return values.stream()
        .filter(wanted)
        .filter(v -> v.isFloat() && !Finite.all(v.tensor().toFloats()))
        .findFirst();
  }

  @Override
  public void close() {
    Closing.closeAll(owned);
    owned.clear();
  }
}
