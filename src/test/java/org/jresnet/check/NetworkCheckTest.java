package org.jresnet.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Random;
import org.jresnet.backend.Backend;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.cpu.CpuBackend;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.check.NetworkCheck.Inputs;
import org.jresnet.check.NetworkCheck.Limits;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Model;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Slot;
import org.jresnet.models.Architecture;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every node of a network is compared, and a mistake is found at the node that makes it. */
class NetworkCheckTest {
  private static final int BATCH = 4;
  private static final int SIZE = 32;
  private static final Graph GRAPH = Architecture.of("resnet18").graph(5, 8);
  private static final Normalization NORMALIZATION =
      new Normalization(List.of(0.5f, 0.5f, 0.5f), List.of(0.25f, 0.25f, 0.25f));

  private static NetworkCheck.Work work(Pass pass) {
    byte[] pixels = new byte[BATCH * SIZE * SIZE * 3];
    new Random(1).nextBytes(pixels);
    CompileOptions.Images images = new CompileOptions.Images(BATCH, SIZE, SIZE, NORMALIZATION);
    return new NetworkCheck.Work(CompileOptions.of(pass, images), pixels, new int[] {0, 3, 1, 4});
  }

  private static Model model(Backend backend, Precision precision) {
    Model model = new Model(GRAPH, backend, precision);
    model.initialize(3, Model.BlockEnd.ONE);
    return model;
  }

  private static List<Comparison> compare(Backend backend, Precision precision, Pass pass) {
    if (backend.supports(precision) instanceof Support.No no) {
      Assumptions.abort(no.reason());
    }
    NetworkCheck.Work work = work(pass);
    StepTensors recording;
    try (Backend reference = new ReferenceBackend();
        Model trusted = model(reference, Precision.FP64)) {
      recording = new NetworkCheck(trusted, work).record();
    }
    try (Model tested = model(backend, precision)) {
      Limits limits = Limits.of(precision, pass, Inputs.TRUSTED).orElseThrow();
      return new NetworkCheck(tested, work).compare(recording, Inputs.TRUSTED, limits);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "FP32, TRAINING, 188",
    "FP32, INFERENCE, 63",
    "BF16, TRAINING, 188",
    "BF16, INFERENCE, 63"
  })
  void everyNodeAgreesWithTheReference(Precision precision, Pass pass, int tensors) {
    try (Backend backend = new CpuBackend()) {
      List<Comparison> all = compare(backend, precision, pass);
      assertThat(all).hasSize(tensors).allMatch(Comparison::ok);
      // Numbers that differ at all: each side has computed its own.
      assertThat(all).filteredOn(c -> c.error() > 0).hasSizeGreaterThan(20);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "TRAINING, forward, y, output of layer3.0.conv1",
    "INFERENCE, forward, y, output of layer3.0.relu1",
    "TRAINING, backward, dx, gradient of the output of layer2.1.relu",
    "TRAINING, backward, dweight, gradient of layer3.0.conv1.weight"
  })
  void aMistakeIsFoundWhereItIsMade(Pass pass, String phase, String slot, String where) {
    try (Backend honest = new CpuBackend()) {
      Backend planted = planted(honest, phase, slot);
      List<Comparison> off =
          compare(planted, Precision.FP32, pass).stream().filter(c -> !c.ok()).toList();
      assertThat(off).hasSize(1);
      assertThat(off.get(0).what()).isEqualTo(where);
      assertThat(off.get(0).index()).containsOnly(0);
      assertThat(off.get(0).actual() - off.get(0).expected()).isBetween(0.99, 1.01);
      assertThat(off.get(0).share()).isGreaterThan(10);
    }
  }

  /** A backend whose 3x3 convolution from 16 to 32 channels adds 1 to one element. */
  private static Backend planted(Backend honest, String phase, String slot) {
    return intercept(
        Backend.class,
        honest,
        (method, result, arguments) ->
            method.getName().equals("plan") && isTheOne((OpSpec) arguments[0])
                ? intercept(
                    OpPlan.class,
                    (OpPlan) result,
                    (bind, op, given) ->
                        bind.getName().equals("bind")
                            ? wrong((BoundOp) op, (Operands) given[0], phase, slot)
                            : op)
                : result);
  }

  private static boolean isTheOne(OpSpec spec) {
    return spec.op() instanceof Conv2d conv
        && conv.c() == 16
        && conv.k() == 32
        && conv.rows().size() == 3;
  }

  private static BoundOp wrong(BoundOp op, Operands operands, String phase, String slot) {
    Tensor tensor = operands.get(slot(slot));
    return intercept(
        BoundOp.class,
        op,
        (method, result, arguments) -> {
          if (method.getName().equals(phase)) {
            float[] values = tensor.toFloats();
            values[0] += 1;
            tensor.set(values);
          }
          return result;
        });
  }

  private static Slot slot(String id) {
    return switch (id) {
      case "y" -> Slot.Y;
      case "dx" -> Slot.DX;
      default -> Slot.DWEIGHT;
    };
  }

  private interface After {
    Object call(Method method, Object result, Object[] arguments);
  }

  private static <T> T intercept(Class<T> type, T target, After after) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> {
              try {
                return after.call(method, method.invoke(target, arguments), arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            }));
  }
}
