package org.jresnet.testing;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jresnet.backend.Backend;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.ForwardingBackend;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operand;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Tensor;
import org.jresnet.graph.Slot;
import org.opentest4j.AssertionFailedError;

/**
 * Holds ops to what they declare. Each phase runs twice; everything that it does not declare to
 * read is filled with NaN the first time and with small numbers the second. Results that differ
 * depend on what was not declared (or were not written), and bytes that lost their filling were
 * written without being declared: both are errors that name op, phase and slot, whatever the memory
 * plan would have done with them. Ops get no operand that they do not declare.
 */
public final class CheckedBackend extends ForwardingBackend {
  private static final byte[] FILLINGS = {(byte) 0xFF, 0x3C};

  private final Backend backend;

  /** Watches the ops of another backend, which stays its owner's. */
  public CheckedBackend(Backend backend) {
    super(backend);
    this.backend = backend;
  }

  /** The same plan, whose ops are watched. */
  public static OpPlan checked(Backend backend, OpPlan plan) {
    return new Plan(plan) {
      @Override
      public BoundOp bind(Operands operands) {
        return new Checked(backend, plan, operands);
      }
    };
  }

  /**
   * An op in memory of its own, which gets what a phase declares to read and gives what it writes.
   */
  private static final class Checked implements BoundOp {
    private final OpSpec spec;
    private final List<Operand> operands;
    private final Operands given;
    private final Map<Slot, Tensor> own = new TreeMap<>();
    private final List<Buffer> buffers = new ArrayList<>();
    private final BoundOp op;

    Checked(Backend backend, OpPlan plan, Operands given) {
      spec = plan.spec();
      operands = plan.operands();
      this.given = given;
      Operands declared = new Operands();
      for (Operand operand : operands) {
        own.put(operand.slot(), own(backend, operand));
        declared.with(operand.slot(), own.get(operand.slot()));
      }
      op = plan.bind(declared);
    }

    private Tensor own(Backend backend, Operand operand) {
      for (Operand other : operands) {
        if (own.containsKey(other.slot())
            && given.get(other.slot()).equals(given.get(operand.slot()))
            && (isOver(operand, other) || isOver(other, operand) || bothAdded(operand, other))) {
          return own.get(other.slot());
        }
      }
      Buffer buffer = backend.allocate("a test", operand.bytes());
      buffers.add(buffer);
      return new Tensor(buffer, 0, operand.type(), operand.elements());
    }

    private static boolean isOver(Operand a, Operand b) {
      return a.over().equals(Optional.of(b.slot()));
    }

    /** Gradients of one tensor that is two inputs: the second is added to the first. */
    private static boolean bothAdded(Operand a, Operand b) {
      return isInputGradient(a) && isInputGradient(b);
    }

    private static boolean isInputGradient(Operand a) {
      return a.slot().gradientOf().map(s -> s.kind() == Slot.Kind.INPUT).orElse(false);
    }

    @Override
    public void prepare() {
      run(Phase.PREPARE, op::prepare);
    }

    @Override
    public void forward() {
      run(Phase.FORWARD, op::forward);
    }

    @Override
    public void backward() {
      run(Phase.BACKWARD, op::backward);
    }

    @Override
    public void finish() {
      run(Phase.FINISH, op::finish);
    }

    @Override
    public void close() {
      op.close();
      buffers.forEach(Buffer::close);
    }

    private void run(Phase phase, Runnable body) {
      List<Slot> hidden =
          operands.stream()
              .filter(o -> !o.reads().contains(phase))
              .map(Operand::slot)
              .filter(
                  slot ->
                      operands.stream()
                          .noneMatch(
                              o -> o.reads().contains(phase) && own.get(o.slot()) == own.get(slot)))
              .toList();
      Map<Slot, byte[]> first = run(phase, body, hidden, FILLINGS[0]);
      Map<Slot, byte[]> second = run(phase, body, hidden, FILLINGS[1]);
      Slot differs = difference(first, second);
      if (differs != null) {
        List<Slot> causes = new ArrayList<>();
        for (Slot slot : hidden) {
          run(phase, body, hidden, FILLINGS[1]);
          Map<Slot, byte[]> alone = run(phase, body, List.of(slot), FILLINGS[0]);
          run(phase, body, hidden, FILLINGS[1]);
          if (difference(alone, run(phase, body, List.of(slot), FILLINGS[1])) != null) {
            causes.add(slot);
          }
        }
        throw new AssertionFailedError(
            "%s, %s: %s depends on %s, which it does not declare to read then: %s"
                .formatted(spec.kind(), phase, differs, causes, spec));
      }
      for (Operand operand : operands) {
        if (operand.writes().contains(phase) && operand.slot() != Slot.SCRATCH) {
          write(given.get(operand.slot()), read(own.get(operand.slot())));
        }
      }
    }

    private Map<Slot, byte[]> run(Phase phase, Runnable body, List<Slot> hidden, byte filling) {
      Map<Slot, byte[]> before = new TreeMap<>();
      for (Operand operand : operands) {
        Slot slot = operand.slot();
        if (hidden.contains(slot)) {
          byte[] bytes = new byte[Math.toIntExact(operand.bytes())];
          Arrays.fill(bytes, filling);
          before.put(slot, bytes);
        } else if (operand.reads().contains(phase)) {
          before.put(slot, read(given.get(slot)));
        }
      }
      before.forEach((slot, bytes) -> write(own.get(slot), bytes));
      body.run();
      Map<Slot, byte[]> written = new TreeMap<>();
      for (Operand operand : operands) {
        Slot slot = operand.slot();
        boolean shared =
            operands.stream()
                .anyMatch(o -> o.writes().contains(phase) && own.get(o.slot()) == own.get(slot));
        // Between the parts of saved and packed memory lie gaps that nobody writes.
        if (operand.writes().contains(phase) && slot.kind() != Slot.Kind.EXTRA) {
          written.put(slot, read(own.get(slot)));
        } else if (!shared
            && before.containsKey(slot)
            && !Arrays.equals(before.get(slot), read(own.get(slot)))) {
          throw new AssertionFailedError(
              "%s, %s: writes %s, which it does not declare to write then: %s"
                  .formatted(spec.kind(), phase, slot, spec));
        }
      }
      return written;
    }

    private static Slot difference(Map<Slot, byte[]> a, Map<Slot, byte[]> b) {
      return a.keySet().stream()
          .filter(slot -> !Arrays.equals(a.get(slot), b.get(slot)))
          .findFirst()
          .orElse(null);
    }

    private static byte[] read(Tensor tensor) {
      byte[] bytes = new byte[Math.toIntExact(tensor.bytes())];
      tensor.buffer().read(tensor.offset(), ByteBuffer.wrap(bytes));
      return bytes;
    }

    private static void write(Tensor tensor, byte[] bytes) {
      tensor.buffer().write(tensor.offset(), ByteBuffer.wrap(bytes));
    }
  }

  @Override
  public OpPlan plan(OpSpec spec) {
    return checked(backend, backend.plan(spec));
  }
}
