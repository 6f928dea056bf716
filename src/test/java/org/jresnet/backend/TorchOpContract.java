package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jresnet.check.Bound;
import org.jresnet.check.OpCheck;
import org.jresnet.check.Specs;
import org.jresnet.check.Specs.Activation;
import org.jresnet.check.Specs.Residual;
import org.jresnet.graph.AvgPool;
import org.jresnet.graph.Axis;
import org.jresnet.graph.ChannelShuffle;
import org.jresnet.graph.ChannelSlice;
import org.jresnet.graph.Concat;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.ConvTranspose2d;
import org.jresnet.graph.MaxUnpool;
import org.jresnet.graph.Multiply;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.graph.Upsample;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Single ops against PyTorch's numbers. */
interface TorchOpContract extends BackendUnderTest {
  @ParameterizedTest
  @MethodSource("wide")
  default void convolvesAsTorch(Precision precision) {
    for (JsonNode c : TorchNumbers.cases("conv")) {
      Op conv = conv(c.get("conv"));
      OpSpec spec =
          Specs.conv(
              TorchNumbers.shape(c.get("shape")),
              conv,
              precision.activation(),
              Pass.TRAINING,
              GradientWrite.OVERWRITE,
              GradientWrite.OVERWRITE);
      assertThat(spec.y()).isEqualTo(TorchNumbers.shape(c.get("out")));
      Map<Slot, double[]> inputs = TorchNumbers.slots(c, Slot.X, Slot.WEIGHT, Slot.DY);
      Map<Slot, double[]> expected = TorchNumbers.slots(c, Slot.Y, Slot.DX, Slot.DWEIGHT);
      if (c.has("bias")) {
        inputs.putAll(TorchNumbers.slots(c, Slot.BIAS));
        expected.putAll(TorchNumbers.slots(c, Slot.DBIAS));
      }
      compare(spec, Map.of(), inputs, expected, OpCheck.bound(backend(), spec));
    }
  }

  /** torch.nn.Conv2d's or ConvTranspose2d's arguments; pairs are for rows and columns. */
  private static Op conv(JsonNode a) {
    Axis[] axes = new Axis[2];
    for (int i = 0; i < 2; i++) {
      axes[i] =
          new Axis(
              a.get("kernel_size").get(i).asInt(),
              a.get("stride").get(i).asInt(),
              a.get("padding").get(i).asInt(),
              a.get("dilation").get(i).asInt());
    }
    int c = a.get("in_channels").asInt();
    int k = a.get("out_channels").asInt();
    int groups = a.get("groups").asInt();
    boolean biased = a.get("bias").asBoolean();
    if (a.has("output_padding")) {
      ConvTranspose2d transpose =
          new ConvTranspose2d(c, k, axes[0], axes[1])
              .grouped(groups)
              .padded(
                  a.get("output_padding").get(0).asInt(), a.get("output_padding").get(1).asInt());
      return biased ? transpose.biased() : transpose;
    }
    Conv2d conv = new Conv2d(c, k, axes[0], axes[1]).grouped(groups);
    return biased ? conv.biased() : conv;
  }

  @ParameterizedTest
  @MethodSource("wide")
  default void normalisesAsTorch(Precision precision) {
    for (JsonNode c : TorchNumbers.cases("norm")) {
      boolean batch = c.get("training").asBoolean();
      OpSpec spec =
          Specs.norm(
              TorchNumbers.shape(c.get("shape")),
              1e-5,
              0.1,
              precision.activation(),
              Pass.TRAINING,
              batch ? Mode.TRAIN : Mode.EVALUATE,
              Residual.ADD,
              Activation.RELU,
              GradientWrite.OVERWRITE,
              GradientWrite.OVERWRITE);
      Map<Slot, double[]> expected =
          TorchNumbers.slots(c, Slot.Y, Slot.DX, Slot.DRESIDUAL, Slot.DGAMMA, Slot.DBETA);
      if (batch) {
        expected.put(Slot.RUNNING_MEAN, TorchNumbers.doubles(c.get("running_mean_after")));
        expected.put(Slot.RUNNING_VAR, TorchNumbers.doubles(c.get("running_var_after")));
      }
      Map<Slot, double[]> inputs =
          TorchNumbers.slots(
              c,
              Slot.X,
              Slot.RESIDUAL,
              Slot.GAMMA,
              Slot.BETA,
              Slot.RUNNING_MEAN,
              Slot.RUNNING_VAR,
              Slot.DY);
      compare(spec, Map.of(), inputs, expected, OpCheck.bound(backend(), spec));
    }
  }

  /** At corners, too. */
  @ParameterizedTest
  @MethodSource("wide")
  default void activatesAsTorch(Precision precision) {
    for (JsonNode c : TorchNumbers.cases("activation")) {
      Activation f = Activation.valueOf(c.get("function").asText());
      OpSpec spec =
          Specs.activation(
              f,
              TorchNumbers.shape(c.get("shape")),
              precision.activation(),
              Pass.TRAINING,
              GradientWrite.OVERWRITE);
      // torch takes 1/6 in single precision for the slope of a hard sigmoid, whatever the type.
      Bound bound =
          f == Activation.HARD_SIGMOID ? new Bound.Largest(1e-6) : OpCheck.bound(backend(), spec);
      compare(
          spec,
          Map.of(),
          TorchNumbers.slots(c, Slot.X, Slot.DY),
          TorchNumbers.slots(c, Slot.Y, Slot.DX),
          bound);
    }
  }

  /** Ties, NaN and a window of nothing but −∞. */
  @ParameterizedTest
  @MethodSource("wide")
  default void poolsAsTorch(Precision precision) {
    for (JsonNode c : TorchNumbers.cases("max_pool")) {
      if (!maxPoolKeepsNonFinite()
          && Arrays.stream(TorchNumbers.doubles(c.get("x"))).anyMatch(v -> !Double.isFinite(v))) {
        continue;
      }
      OpSpec spec =
          Specs.maxPool(
              TorchNumbers.shape(c.get("shape")),
              TorchNumbers.shape(c.get("out")),
              new Specs.Window(3, 2, 1),
              precision.activation(),
              Pass.TRAINING,
              GradientWrite.OVERWRITE);
      compare(
          spec,
          Map.of(),
          TorchNumbers.slots(c, Slot.X, Slot.DY),
          TorchNumbers.slots(c, Slot.Y, Slot.DX),
          OpCheck.bound(backend(), spec));
    }
  }

  /** An op of torch-ops.json. */
  private static Op op(JsonNode c) {
    JsonNode a = c.get("arguments");
    return switch (c.get("op").asText()) {
      case "multiply" -> new Multiply();
      case "concat" -> new Concat(c.get("inputs").size());
      case "slice" -> new ChannelSlice(a.get(0).asInt(), a.get(1).asInt());
      case "shuffle" -> new ChannelShuffle(a.get(0).asInt());
      case "upsample" -> new Upsample(a.get(0).asInt());
      case "unpool" -> new MaxUnpool(a.get(0).asInt(), a.get(1).asInt(), a.get(2).asInt());
      case "average" ->
          new AvgPool(
              a.get(0).asInt(),
              a.get(1).asInt(),
              a.get(2).asInt(),
              a.get(3).asBoolean() ? AvgPool.Divisor.WINDOW : AvgPool.Divisor.PIXELS);
      default -> throw new IllegalStateException("unknown op in torch-ops.json: " + c);
    };
  }

  @ParameterizedTest
  @MethodSource("wide")
  default void computesOthersAsTorch(Precision precision) {
    require(precision);
    assertThat(TorchNumbers.cases("others").size()).isGreaterThan(10);
    for (JsonNode c : TorchNumbers.cases("others")) {
      List<Shape> shapes = new ArrayList<>();
      Map<Slot, double[]> inputs = TorchNumbers.slots(c, Slot.DY);
      Map<Slot, double[]> expected = TorchNumbers.slots(c, Slot.Y);
      for (JsonNode input : c.get("inputs")) {
        Slot slot = Slot.input(shapes.size());
        shapes.add(TorchNumbers.shape(input.get("shape")));
        inputs.put(slot, TorchNumbers.doubles(input.get("x")));
        if (input.has("dx")) {
          expected.put(slot.gradient().orElseThrow(), TorchNumbers.doubles(input.get("dx")));
        }
      }
      OpSpec spec =
          Specs.of(op(c), shapes, precision.activation(), Pass.TRAINING, GradientWrite.OVERWRITE);
      assertThat(spec.gradients().keySet()).isSubsetOf(expected.keySet());
      compare(spec, Map.of(), inputs, expected, OpCheck.bound(backend(), spec));
    }
  }

  /** Whether max pooling treats NaN and −∞ as torch does; a backend that says no says why. */
  boolean maxPoolKeepsNonFinite();
}
