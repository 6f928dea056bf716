package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.base.UserError;
import org.jresnet.check.Bound;
import org.jresnet.check.Comparison;
import org.jresnet.check.OpCase;
import org.jresnet.check.OpCheck;
import org.jresnet.check.OpRun;
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
import org.jresnet.graph.DType;
import org.jresnet.graph.MaxUnpool;
import org.jresnet.graph.Multiply;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.graph.Upsample;
import org.jresnet.loss.Objective;
import org.jresnet.testing.CheckedBackend;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.opentest4j.TestAbortedException;

/**
 * What every backend must do, written once; a subclass says which backend, in which precisions, and
 * what it is compared with. A backend is done when its subclass passes.
 *
 * <p>Numbers called torch's are in {@code torch-ops.json}, which {@code python
 * tools/torch_op_numbers.py} makes.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class BackendContract {
  private static final Bound EXACT = new Bound.Exact();
  Backend backend;
  private Backend checked;
  private String absent;
  private JsonNode torch;

  /** Opens the backend under test. */
  abstract Backend open();

  /** The name that it must have. */
  abstract String name();

  /** Precisions to test; one that this machine lacks is skipped with the backend's reason. */
  abstract List<Precision> precisions();

  /** What the op must give in double precision: the slots that it writes. */
  abstract Map<Slot, double[]> expected(OpSpec inDouble, Map<Slot, double[]> inputs);

  @BeforeAll
  void openBackend() throws IOException {
    try {
      backend = open();
    } catch (TestAbortedException e) {
      // Each test is skipped and counted, instead of the class as a whole.
      absent = e.getMessage();
      return;
    }
    checked = new CheckedBackend(backend);
    assertThat(backend.name()).isEqualTo(name());
    try (InputStream in = BackendContract.class.getResourceAsStream("torch-ops.json")) {
      torch = new ObjectMapper().readTree(in);
    }
  }

  @BeforeEach
  void requireBackend() {
    assumeTrue(backend != null, absent);
  }

  @AfterAll
  void closeBackend() {
    if (backend != null) {
      backend.close();
    }
  }

  /** One case in one precision; its text is the name of the test. */
  record Run(String backend, Precision precision, OpCase.Kind kind, int number, OpCase op) {
    @Override
    public String toString() {
      return backend + " " + precision.id() + " " + op;
    }

    String command() {
      return kind.command(number, backend, precision);
    }
  }

  private Stream<Run> runs(OpCase.Kind kind) {
    List<OpCase> cases = kind.cases();
    assertThat(cases).as(kind.id()).isNotEmpty();
    return precisions().stream()
        .flatMap(
            precision ->
                IntStream.range(0, cases.size())
                    .mapToObj(i -> new Run(name(), precision, kind, i, cases.get(i))));
  }

  Stream<Run> cases() {
    return Arrays.stream(OpCase.Kind.values())
        .filter(kind -> !kind.refusable())
        .flatMap(this::runs);
  }

  Stream<Run> refusable() {
    return Arrays.stream(OpCase.Kind.values()).filter(OpCase.Kind::refusable).flatMap(this::runs);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void computes(Run run) {
    check(run);
  }

  @ParameterizedTest
  @MethodSource("refusable")
  void computesOrSaysThatItCannot(Run run) {
    require(run.precision);
    if (backend.supports(run.op.spec().apply(run.precision.activation()))
        instanceof Support.No no) {
      assertThat(no.reason()).isNotBlank();
      return;
    }
    check(run);
  }

  private void check(Run run) {
    require(run.precision);
    OpSpec spec = run.op.spec().apply(run.precision.activation());
    assertThat(backend.supports(spec)).as("support of %s", spec).isEqualTo(Support.yes());
    Map<Slot, double[]> inputs = run.op.values(spec.type());
    Map<Slot, double[]> expected = expected(run.op.spec().apply(DType.F64), inputs);
    boolean exact =
        spec.type() != DType.BF16
            && spec.type() != DType.F16
            && run.op.inputs() != OpCase.Inputs.REALS;
    Bound bound = exact ? EXACT : OpCheck.bound(backend, spec);
    try {
      compare(spec, run.op.aliases(), inputs, expected, bound);
    } catch (AssertionError e) {
      throw new AssertionError(e.getMessage() + "\n" + run + "\n" + run.command(), e);
    }
  }

  private void compare(
      OpSpec spec,
      Map<Slot, Slot> aliases,
      Map<Slot, double[]> inputs,
      Map<Slot, double[]> expected,
      Bound bound) {
    List<Comparison> all =
        OpCheck.compare(checked, spec, aliases, new OpCheck.Given(inputs, expected), bound);
    assertThat(all).isNotEmpty().allMatch(Comparison::ok);
  }

  private void require(Precision precision) {
    if (backend.supports(precision) instanceof Support.No no) {
      assumeTrue(false, name() + " " + precision.id() + " did not run: " + no.reason());
    }
  }

  // Against PyTorch.

  /** PyTorch's cases of a kind, of which there are some. */
  private JsonNode torchCases(String kind) {
    JsonNode cases = torch.path(kind);
    assertThat(cases).as("cases of %s in torch-ops.json", kind).isNotEmpty();
    return cases;
  }

  private static double[] doubles(JsonNode array) {
    double[] values = new double[array.size()];
    // Text, because JSON has no NaN; as("nan") is Python's spelling.
    for (int i = 0; i < values.length; i++) {
      String text = array.get(i).asText();
      values[i] =
          switch (text) {
            case "nan" -> Double.NaN;
            case "inf" -> Double.POSITIVE_INFINITY;
            case "-inf" -> Double.NEGATIVE_INFINITY;
            default -> Double.parseDouble(text);
          };
    }
    return values;
  }

  private static Shape shape(JsonNode s) {
    return new Shape(s.get(0).asInt(), s.get(1).asInt(), s.get(2).asInt(), s.get(3).asInt());
  }

  private static Map<Slot, double[]> slots(JsonNode from, Slot... slots) {
    Map<Slot, double[]> values = new TreeMap<>();
    for (Slot slot : slots) {
      values.put(slot, doubles(from.get(slot.name().toLowerCase(java.util.Locale.ROOT))));
    }
    return values;
  }

  /** Precisions whose inputs are torch's to the bit. */
  private Stream<Precision> wide() {
    return precisions().stream().filter(p -> p != Precision.BF16 && p != Precision.FP16);
  }

  @ParameterizedTest
  @MethodSource("wide")
  void convolvesAsTorch(Precision precision) {
    for (JsonNode c : torchCases("conv")) {
      Op conv = conv(c.get("conv"));
      OpSpec spec =
          Specs.conv(
              shape(c.get("shape")),
              conv,
              precision.activation(),
              Pass.TRAINING,
              GradientWrite.OVERWRITE,
              GradientWrite.OVERWRITE);
      assertThat(spec.y()).isEqualTo(shape(c.get("out")));
      Map<Slot, double[]> inputs = slots(c, Slot.X, Slot.WEIGHT, Slot.DY);
      Map<Slot, double[]> expected = slots(c, Slot.Y, Slot.DX, Slot.DWEIGHT);
      if (c.has("bias")) {
        inputs.putAll(slots(c, Slot.BIAS));
        expected.putAll(slots(c, Slot.DBIAS));
      }
      compare(spec, Map.of(), inputs, expected, OpCheck.bound(backend, spec));
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
  void normalisesAsTorch(Precision precision) {
    for (JsonNode c : torchCases("norm")) {
      boolean batch = c.get("training").asBoolean();
      OpSpec spec =
          Specs.norm(
              shape(c.get("shape")),
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
          slots(c, Slot.Y, Slot.DX, Slot.DRESIDUAL, Slot.DGAMMA, Slot.DBETA);
      if (batch) {
        expected.put(Slot.RUNNING_MEAN, doubles(c.get("running_mean_after")));
        expected.put(Slot.RUNNING_VAR, doubles(c.get("running_var_after")));
      }
      Map<Slot, double[]> inputs =
          slots(
              c,
              Slot.X,
              Slot.RESIDUAL,
              Slot.GAMMA,
              Slot.BETA,
              Slot.RUNNING_MEAN,
              Slot.RUNNING_VAR,
              Slot.DY);
      compare(spec, Map.of(), inputs, expected, OpCheck.bound(backend, spec));
    }
  }

  /** At corners, too. */
  @ParameterizedTest
  @MethodSource("wide")
  void activatesAsTorch(Precision precision) {
    for (JsonNode c : torchCases("activation")) {
      Activation f = Activation.valueOf(c.get("function").asText());
      OpSpec spec =
          Specs.activation(
              f,
              shape(c.get("shape")),
              precision.activation(),
              Pass.TRAINING,
              GradientWrite.OVERWRITE);
      // torch takes 1/6 in single precision for the slope of a hard sigmoid, whatever the type.
      Bound bound =
          f == Activation.HARD_SIGMOID ? new Bound.Largest(1e-6) : OpCheck.bound(backend, spec);
      compare(spec, Map.of(), slots(c, Slot.X, Slot.DY), slots(c, Slot.Y, Slot.DX), bound);
    }
  }

  /** Ties, NaN and a window of nothing but −∞. */
  @ParameterizedTest
  @MethodSource("wide")
  void poolsAsTorch(Precision precision) {
    for (JsonNode c : torchCases("max_pool")) {
      if (!maxPoolKeepsNonFinite()
          && Arrays.stream(doubles(c.get("x"))).anyMatch(v -> !Double.isFinite(v))) {
        continue;
      }
      OpSpec spec =
          Specs.maxPool(
              shape(c.get("shape")),
              shape(c.get("out")),
              new Specs.Window(3, 2, 1),
              precision.activation(),
              Pass.TRAINING,
              GradientWrite.OVERWRITE);
      compare(
          spec,
          Map.of(),
          slots(c, Slot.X, Slot.DY),
          slots(c, Slot.Y, Slot.DX),
          OpCheck.bound(backend, spec));
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
  void computesOthersAsTorch(Precision precision) {
    require(precision);
    assertThat(torch.get("others").size()).isGreaterThan(10);
    for (JsonNode c : torchCases("others")) {
      List<Shape> shapes = new ArrayList<>();
      Map<Slot, double[]> inputs = slots(c, Slot.DY);
      Map<Slot, double[]> expected = slots(c, Slot.Y);
      for (JsonNode input : c.get("inputs")) {
        Slot slot = Slot.input(shapes.size());
        shapes.add(shape(input.get("shape")));
        inputs.put(slot, doubles(input.get("x")));
        if (input.has("dx")) {
          expected.put(slot.gradient().orElseThrow(), doubles(input.get("dx")));
        }
      }
      OpSpec spec =
          Specs.of(op(c), shapes, precision.activation(), Pass.TRAINING, GradientWrite.OVERWRITE);
      assertThat(spec.gradients().keySet()).isSubsetOf(expected.keySet());
      compare(spec, Map.of(), inputs, expected, OpCheck.bound(backend, spec));
    }
  }

  /** Whether max pooling treats NaN and −∞ as torch does; a backend that says no says why. */
  abstract boolean maxPoolKeepsNonFinite();

  @ParameterizedTest
  @MethodSource("precisions")
  void crossEntropyIsTorchs(Precision precision) {
    require(precision);
    for (JsonNode c : torchCases("cross_entropy")) {
      List<Double> weights = Arrays.stream(doubles(c.get("weights"))).boxed().toList();
      LossSpec spec =
          new LossSpec(4, 5, new Objective.CrossEntropy(c.get("smoothing").asDouble(), weights));
      int[] labels = IntStream.range(0, 4).map(i -> c.get("labels").get(i).asInt()).toArray();
      Loss loss = loss(precision, spec, doubles(c.get("logits")), op -> op.load(labels));
      assertThat(loss.value).isCloseTo(c.get("loss").asDouble(), within(1e-12));
      assertThat(loss.correct).isEqualTo(c.get("correct").asInt());
      assertThat(
              rounded(precision)
                  .compare(
                      "dlogits of " + spec,
                      new int[] {4, 5},
                      loss.dlogits,
                      doubles(c.get("dlogits"))))
          .matches(Comparison::ok);
    }
  }

  /** One rounding to the parameters' type, and 1e-12 for another order of operations. */
  private static Bound rounded(Precision precision) {
    return new Bound.Largest(precision.parameter() == DType.F64 ? 1e-12 : Math.ulp(1f));
  }

  private record Loss(double value, int correct, double[] dlogits) {}

  private Loss loss(Precision precision, LossSpec spec, double[] logits, Consumer<LossOp> load) {
    return loss(precision, spec, logits, 1, load);
  }

  private Loss loss(
      Precision precision, LossSpec spec, double[] logits, double factor, Consumer<LossOp> load) {
    DType type = precision.parameter();
    long bytes = (long) logits.length * type.bytes();
    try (Buffer memory = backend.allocate("a test", 2 * bytes);
        Buffer scale = backend.allocate("a test", Double.BYTES)) {
      Tensor z = new Tensor(memory, 0, type, logits.length);
      Tensor dz = new Tensor(memory, bytes, type, logits.length);
      OpRun.write(z, logits);
      OpRun.write(dz, nan(logits.length));
      Tensor gradientScale = new Tensor(scale, 0, DType.F64, 1);
      gradientScale.set(new float[] {(float) factor});
      try (LossOp op = backend.loss(spec, z, dz, gradientScale)) {
        load.accept(op);
        op.run();
        long run = op.send();
        double value = op.value(run);
        assertThat(
                new Bound.Untouched()
                    .compare("logits", new int[] {logits.length}, OpRun.read(z), logits))
            .matches(Comparison::ok);
        return new Loss(value, op.correct(run), OpRun.read(dz));
      }
    }
  }

  private static double[] nan(int count) {
    double[] values = new double[count];
    Arrays.fill(values, Double.NaN);
    return values;
  }

  @ParameterizedTest
  @MethodSource("precisions")
  void crossEntropyStaysFiniteForExtremeLogits(Precision precision) {
    require(precision);
    double[] logits = {1000, -1000, 0, -0x1p100, 0x1p100, 0, Double.NEGATIVE_INFINITY, 2, 2};
    Loss loss =
        loss(
            precision,
            new LossSpec(3, 3, Objective.CROSS_ENTROPY),
            logits,
            op -> op.load(new int[] {0, 1, 2}));
    assertThat(loss.value).isCloseTo(Math.log(2) / 3, within(1e-12));
    double[] expected = {0, 0, 0, 0, 0, 0, 0, 1 / 6.0, -1 / 6.0};
    assertThat(rounded(precision).compare("dlogits", new int[] {3, 3}, loss.dlogits, expected))
        .matches(Comparison::ok);
    // Of equal logits the first counts as the prediction.
    assertThat(loss.correct).isEqualTo(2);
  }

  @ParameterizedTest
  @MethodSource("precisions")
  void crossEntropyNamesABadLabel(Precision precision) {
    require(precision);
    assertThatThrownBy(
            () ->
                loss(
                    precision,
                    new LossSpec(2, 3, Objective.CROSS_ENTROPY),
                    new double[] {1, 2, 3, 4, 5, 6},
                    op -> op.load(new int[] {0, 3})))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("label 3 of image 1");
  }

  /** Worked out by hand: differences 1, 2, 2, −4 and 0, 3 over 6 outputs, and a factor of 8. */
  @ParameterizedTest
  @MethodSource("precisions")
  void meanSquaredErrorIsTorchs(Precision precision) {
    require(precision);
    LossSpec spec = new LossSpec(3, 2, new Objective.MeanSquaredError());
    float[] targets = {0, 0, 1, 5, -7, 0.5f};
    double[] outputs = {1, 2, 3, 1, -7, 3.5};
    Loss loss = loss(precision, spec, outputs, 8, op -> op.load(targets));
    assertThat(loss.value).isCloseTo((1 + 4 + 4 + 16 + 0 + 9) / 6.0, within(1e-12));
    assertThat(loss.correct).isZero();
    double[] expected = {8 / 3.0, 16 / 3.0, 16 / 3.0, -32 / 3.0, 0, 8};
    assertThat(rounded(precision).compare("doutputs", new int[] {3, 2}, loss.dlogits, expected))
        .matches(Comparison::ok);
  }

  @ParameterizedTest
  @MethodSource("precisions")
  void backwardStartsAtTheSeed(Precision precision) {
    require(precision);
    LossSpec spec = new LossSpec(2, 3, new Objective.Seed());
    float[] seed = {0, 1, -2, 0.5f, 0, 3};
    double[] outputs = {1000, 2, 3, 4, 5, -1};
    Loss loss = loss(precision, spec, outputs, 2, op -> op.load(seed));
    assertThat(loss.value).isEqualTo(2 - 6 + 2 - 3);
    double[] expected = {0, 2, -4, 1, 0, 6};
    assertThat(new Bound.Untouched().compare("doutputs", new int[] {2, 3}, loss.dlogits, expected))
        .matches(Comparison::ok);
  }

  @ParameterizedTest
  @MethodSource("precisions")
  void aLossIsKeptWhileTheNextOneIsComputed(Precision precision) {
    require(precision);
    LossSpec spec = new LossSpec(1, 2, new Objective.Seed());
    DType type = precision.parameter();
    try (Buffer memory = backend.allocate("a test", 4L * type.bytes());
        Buffer scale = backend.allocate("a test", Double.BYTES)) {
      Tensor z = new Tensor(memory, 0, type, 2);
      Tensor dz = new Tensor(memory, 2L * type.bytes(), type, 2);
      Tensor gradientScale = new Tensor(scale, 0, DType.F64, 1);
      gradientScale.set(new float[] {1});
      OpRun.write(z, new double[] {3, 5});
      try (LossOp op = backend.loss(spec, z, dz, gradientScale)) {
        for (int run = 0; run < 7; run++) {
          op.load(new float[] {run, 1});
          op.run();
          assertThat(op.send()).isEqualTo(run);
          if (run > 0) {
            assertThat(op.value(run - 1)).isEqualTo(3 * (run - 1) + 5);
          }
        }
        assertThat(op.value(6)).isEqualTo(23);
        assertThat(op.value(5)).isEqualTo(20);
        assertThatThrownBy(() -> op.value(4)).hasMessageContaining("last 2 of 7 steps");
        assertThatThrownBy(() -> op.value(7)).hasMessageContaining("found step 7");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("precisions")
  void anObjectiveSaysWhatItTakes(Precision precision) {
    require(precision);
    double[] outputs = {1, 2, 3, 4};
    assertThatThrownBy(
            () ->
                loss(
                    precision,
                    new LossSpec(2, 2, Objective.CROSS_ENTROPY),
                    outputs,
                    op -> op.load(new float[4])))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("takes LABELS, found values");
    LossSpec squares = new LossSpec(2, 2, new Objective.MeanSquaredError());
    assertThatThrownBy(() -> loss(precision, squares, outputs, op -> op.load(new int[2])))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("takes VALUES, found labels");
    assertThatThrownBy(() -> loss(precision, squares, outputs, op -> op.load(new float[3])))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected 4 values, found 3");
  }

  /** Arenas of an optimizer. */
  private final class Arenas implements AutoCloseable {
    final Buffer memory;
    final Tensor parameters;
    final Tensor gradients;
    final List<Tensor> states = new ArrayList<>();
    final Optimizer optimizer;

    Arenas(Precision precision, UpdateRule rule, double[] start) {
      DType type = precision.parameter();
      int count = start.length;
      memory = backend.allocate("a test", (2L + rule.states()) * count * type.bytes());
      List<Tensor> tensors = new ArrayList<>();
      for (int i = 0; i < 2 + rule.states(); i++) {
        tensors.add(new Tensor(memory, (long) i * count * type.bytes(), type, count));
        OpRun.write(tensors.get(i), i == 0 ? start : new double[count]);
      }
      parameters = tensors.get(0);
      gradients = tensors.get(1);
      states.addAll(tensors.subList(2, tensors.size()));
      optimizer = backend.optimizer(rule, parameters, gradients, states);
    }

    @Override
    public void close() {
      optimizer.close();
      memory.close();
    }
  }

  /** Ten steps in single precision stay within this of torch's ten in double precision. */
  private static Bound optimizerBound(Precision precision) {
    return new Bound.Largest(precision.parameter() == DType.F64 ? 1e-14 : 1e-6);
  }

  @ParameterizedTest
  @MethodSource("precisions")
  void optimizersAreTorchs(Precision precision) {
    require(precision);
    for (JsonNode c : torchCases("optimizer")) {
      JsonNode o = c.get("options");
      double decay = o.get("weight_decay").asDouble();
      UpdateRule rule =
          switch (c.get("kind").asText()) {
            case "adam" -> new UpdateRule.Adam(0.9, 0.999, 1e-8, decay);
            case "adamw" -> new UpdateRule.AdamW(0.9, 0.999, 1e-8, decay);
            default -> new UpdateRule.Sgd(o.get("momentum").asDouble(), decay);
          };
      double[] start = doubles(c.get("parameters"));
      int[] extents = {start.length};
      try (Arenas arenas = new Arenas(precision, rule, start)) {
        int step = 1;
        for (JsonNode gradient : c.get("gradients")) {
          OpRun.write(arenas.gradients, doubles(gradient));
          List<Range> all = List.of(new Range(0, start.length));
          arenas.optimizer.step(all, o.get("lr").asDouble(), step++, 1);
        }
        Bound bound = optimizerBound(precision);
        assertThat(
                bound.compare(
                    "parameters of " + rule,
                    extents,
                    OpRun.read(arenas.parameters),
                    doubles(c.get("after"))))
            .matches(Comparison::ok);
        for (int i = 0; i < arenas.states.size(); i++) {
          assertThat(
                  bound.compare(
                      "state " + i + " of " + rule,
                      extents,
                      OpRun.read(arenas.states.get(i)),
                      doubles(c.get("states").get(i))))
              .matches(Comparison::ok);
        }
      }
    }
  }

  /** Many elements, several ranges, a scale: only what is in the ranges may move. */
  @ParameterizedTest
  @MethodSource("precisions")
  void optimizersKeepToTheirRanges(Precision precision) {
    require(precision);
    int count = 7001;
    Random random = new Random(5);
    double[] start = random.doubles(count).map(v -> (float) v).toArray();
    double[] gradient = random.doubles(count, -1, 1).map(v -> (float) v).toArray();
    List<Range> ranges = List.of(new Range(3, 2500), new Range(2600, 0), new Range(4000, 3001));
    double scale = 0.25;
    for (UpdateRule rule :
        List.of(
            new UpdateRule.Adam(0.9, 0.999, 1e-8, 0.01),
            new UpdateRule.AdamW(0.9, 0.999, 1e-8, 0.01),
            new UpdateRule.Sgd(0.9, 0.01))) {
      try (Arenas arenas = new Arenas(precision, rule, start)) {
        OpRun.write(arenas.gradients, gradient);
        arenas.optimizer.step(ranges, 0.1, 1, scale);
        double[] after = OpRun.read(arenas.parameters);
        double[] expected = start.clone();
        for (Range range : ranges) {
          for (int i = (int) range.first(); i < range.first() + range.count(); i++) {
            // A first step: m and v, corrected for their bias, are g and g².
            double g = scale * gradient[i];
            if (rule instanceof UpdateRule.Sgd) {
              expected[i] -= 0.1 * (g + 0.01 * start[i]);
            } else if (rule instanceof UpdateRule.Adam) {
              double decayed = g + 0.01 * start[i];
              expected[i] -= 0.1 * decayed / (Math.abs(decayed) + 1e-8);
            } else {
              expected[i] -= 0.1 * (0.01 * start[i] + g / (Math.abs(g) + 1e-8));
            }
          }
        }
        int[] extents = {count};
        // One step loses one rounding per operation, about ten of them.
        Bound bound = new Bound.Largest(precision.parameter() == DType.F64 ? 1e-12 : 1e-6);
        assertThat(bound.compare("parameters of " + rule, extents, after, expected))
            .matches(Comparison::ok);
        assertThat(
                new Bound.Untouched()
                    .compare(
                        "parameters outside of the ranges",
                        extents,
                        outside(ranges, after),
                        outside(ranges, start)))
            .matches(Comparison::ok);
        for (Tensor state : arenas.states) {
          assertThat(
                  new Bound.Untouched()
                      .compare(
                          "state outside of the ranges",
                          extents,
                          outside(ranges, OpRun.read(state)),
                          new double[count]))
              .matches(Comparison::ok);
        }
        assertThat(
                new Bound.Untouched()
                    .compare("gradients", extents, OpRun.read(arenas.gradients), gradient))
            .matches(Comparison::ok);
      }
    }
  }

  private static double[] outside(List<Range> ranges, double[] values) {
    double[] rest = values.clone();
    for (Range range : ranges) {
      Arrays.fill(rest, (int) range.first(), (int) (range.first() + range.count()), 0);
    }
    return rest;
  }

  @ParameterizedTest
  @MethodSource("precisions")
  void measuresAndAccumulatesGradients(Precision precision) {
    require(precision);
    int count = 5003;
    double[] gradient = new Random(7).doubles(count, -1, 1).map(v -> (float) v).toArray();
    List<Range> ranges = List.of(new Range(1, 2000), new Range(3000, 2003));
    double squares =
        ranges.stream()
            .flatMapToDouble(
                r ->
                    IntStream.range((int) r.first(), (int) (r.first() + r.count()))
                        .mapToDouble(i -> gradient[i] * gradient[i]))
            .sum();
    try (Arenas arenas = new Arenas(precision, new UpdateRule.Sgd(0, 0), new double[count])) {
      OpRun.write(arenas.gradients, gradient);
      // Summed in double precision in every backend.
      assertThat(arenas.optimizer.gradientNorm(ranges))
          .isCloseTo(Math.sqrt(squares), within(1e-12 * Math.sqrt(squares)));
      Tensor target = arenas.states.get(0);
      OpRun.write(target, nan(count));
      arenas.optimizer.accumulate(target, arenas.gradients, GradientWrite.OVERWRITE);
      assertThat(EXACT.compare("overwritten", new int[] {count}, OpRun.read(target), gradient))
          .matches(Comparison::ok);
      arenas.optimizer.accumulate(target, arenas.gradients, GradientWrite.ACCUMULATE);
      double[] twice = Arrays.stream(gradient).map(g -> 2 * g).toArray();
      assertThat(EXACT.compare("accumulated", new int[] {count}, OpRun.read(target), twice))
          .matches(Comparison::ok);
      gradient[4000] = Double.NaN;
      OpRun.write(arenas.gradients, gradient);
      assertThat(arenas.optimizer.gradientNorm(ranges)).isNaN();
      assertThat(arenas.optimizer.gradientNorm(ranges.subList(0, 1))).isFinite();
    }
  }

  /** An optimizer whose updates the host decides. */
  private record DecidedByHost(Optimizer steps) implements Optimizer {
    @Override
    public double gradientNorm(List<Range> ranges) {
      return steps.gradientNorm(ranges);
    }

    @Override
    public void step(List<Range> ranges, double rate, long step, double scale) {
      steps.step(ranges, rate, step, scale);
    }

    @Override
    public void accumulate(Tensor target, Tensor source, GradientWrite policy) {
      steps.accumulate(target, source, policy);
    }

    @Override
    public void close() {}
  }

  /** What became of some updates, and what they left. */
  private record Decided(
      List<String> reports, List<Double> scales, double[] parameters, List<double[]> states) {}

  /** Gradients of one update after the other: plain, to be clipped, overflowing. */
  private static final double[] FACTORS = {
    1, 1, 1e3, Double.POSITIVE_INFINITY, 1e-3, Double.NaN, 1, 1
  };

  private Decided decided(
      Precision precision,
      UpdateRule rule,
      LossScale.State scale,
      UnaryOperator<Optimizer> by,
      double[] factors) {
    int count = 5003;
    Random random = new Random(11);
    double[] start = random.doubles(count).map(v -> (float) v).toArray();
    List<Range> ranges = List.of(new Range(0, 2500), new Range(2600, 2403));
    List<String> reports = new ArrayList<>();
    List<Double> scales = new ArrayList<>();
    try (Arenas arenas = new Arenas(precision, rule, start);
        Buffer memory = backend.allocate("a test", Double.BYTES)) {
      Tensor gradientScale = new Tensor(memory, 0, DType.F64, 1);
      LossScale loss = new LossScale(Precision.FP16, scale);
      gradientScale.set(new float[] {(float) loss.factor()});
      try (Updates updates = by.apply(arenas.optimizer).updates(2, loss, 3, gradientScale)) {
        for (int i = 0; i < factors.length; i++) {
          double[] gradient = random.doubles(count, -1, 1).map(v -> (float) v).toArray();
          gradient[4000] *= factors[i];
          OpRun.write(arenas.gradients, gradient);
          long sent = updates.send(ranges, step -> 0.1 / (1 + step), 1 + i % 2);
          assertThat(sent).isEqualTo(i);
          if (i % 3 == 0) {
            reports.add(text(updates.report(i)));
          } else if (i % 3 == 2) {
            reports.add(text(updates.report(i - 1)));
            reports.add(text(updates.report(i)));
          }
          scales.add(OpRun.read(gradientScale)[0]);
        }
        if (factors.length % 3 == 2) {
          reports.add(text(updates.report(factors.length - 1)));
        }
      }
      assertThat(reports).hasSize(factors.length);
      return new Decided(
          reports,
          scales,
          OpRun.read(arenas.parameters),
          arenas.states.stream().map(OpRun::read).toList());
    }
  }

  private static String text(UpdateReport r) {
    return r.outcome() + " " + r.norm() + " " + r.steps() + " " + r.lossScale() + " " + r.element();
  }

  /** Overflow leaves steps out and halves the scale, the 2000th good step in a row doubles it. */
  @Test
  void updatesAreDecidedAsTheHostWould() {
    // Parameters, gradients and states have the same type in all of them.
    Precision precision = precisions().get(0);
    require(precision);
    for (UpdateRule rule :
        List.of(
            new UpdateRule.Adam(0.9, 0.999, 1e-8, 0.01),
            new UpdateRule.AdamW(0.9, 0.999, 1e-8, 0.01),
            new UpdateRule.Sgd(0.9, 0.01))) {
      LossScale.State start = new LossScale.State(8, 1998);
      Decided found = decided(precision, rule, start, o -> o, FACTORS);
      Decided expected = decided(precision, rule, start, DecidedByHost::new, FACTORS);
      assertThat(found.scales).containsExactly(8.0, 16.0, 16.0, 8.0, 8.0, 4.0, 4.0, 4.0);
      assertThat(found.reports).isEqualTo(expected.reports);
      assertThat(found.reports.get(3)).startsWith("SKIPPED").contains(" 6 ");
      assertThat(found.reports.get(7)).startsWith("UPDATED").contains(" 9 ");
      assertThat(found.parameters).isEqualTo(expected.parameters);
      for (int i = 0; i < found.states.size(); i++) {
        assertThat(found.states.get(i)).isEqualTo(expected.states.get(i));
      }
    }
  }

  /** At the scale 1 a gradient that is not finite ends the updates, whatever follows. */
  @Test
  void nothingIsUpdatedAfterAGradientThatIsNotFinite() {
    Precision precision = precisions().get(0);
    require(precision);
    UpdateRule rule = new UpdateRule.Adam(0.9, 0.999, 1e-8, 0);
    LossScale.State one = new LossScale.State(1, 0);
    Decided before = decided(precision, rule, one, o -> o, new double[] {1, 1});
    Decided after = decided(precision, rule, one, o -> o, new double[] {1, 1, Double.NaN, 1, 1, 1});
    assertThat(after.reports.subList(0, 2))
        .isEqualTo(before.reports)
        .allMatch(r -> r.startsWith("UPDATED"));
    assertThat(after.reports.subList(2, 6))
        .allMatch(r -> r.startsWith("DIVERGED") && r.contains(" 5 "));
    // The host's updates leave it to their caller, whose gradients are still there.
    assertThat(after.reports.get(2)).endsWith(backend.asynchronous() ? " 4000" : " -1");
    assertThat(after.parameters).isEqualTo(before.parameters);
    assertThat(after.states.get(1)).isEqualTo(before.states.get(1));
  }

  // Input and memory.

  @ParameterizedTest
  @MethodSource("precisions")
  void normalisesPixels(Precision precision) {
    require(precision);
    Shape shape = new Shape(2, 16, 16, 3);
    List<Float> mean = List.of(0.485f, 0.456f, 0.406f);
    List<Float> std = List.of(0.229f, 0.224f, 0.225f);
    byte[] pixels = new byte[(int) shape.elements() + 5];
    new Random(3).nextBytes(pixels);
    double[] expected = new double[(int) shape.elements()];
    for (int i = 0; i < expected.length; i++) {
      float unit = (pixels[i] & 255) / 255f;
      expected[i] = OpRun.round((unit - mean.get(i % 3)) / std.get(i % 3), precision.activation());
    }
    long bytes = shape.elements() * precision.activation().bytes();
    try (Buffer memory = backend.allocate("a test", bytes)) {
      Tensor y = new Tensor(memory, 0, precision.activation(), shape.elements());
      OpRun.write(y, nan(expected.length));
      try (InputOp input = backend.input(shape, new Normalization(mean, std), y)) {
        input.load(pixels);
        input.run();
      }
      assertThat(EXACT.compare("y", new int[] {2, 16, 16, 3}, OpRun.read(y), expected))
          .matches(Comparison::ok);
      assertThatThrownBy(() -> backend.input(shape, new Normalization(List.of(0f), List.of(1f)), y))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("1 channels");
    }
  }

  @ParameterizedTest
  @MethodSource("precisions")
  void memoryKeepsWhatIsWritten(Precision precision) {
    for (DType type : List.of(precision.activation(), precision.parameter())) {
      // More than one of the chunks in which tensors cross to the host.
      int count = 70_001;
      float[] values = new float[count];
      Random random = new Random(1);
      for (int i = 0; i < count; i++) {
        values[i] = (float) OpRun.round(random.nextGaussian(), type);
      }
      long bytes = (long) count * type.bytes();
      Buffer memory = backend.allocate("a test", bytes + 64);
      Tensor tensor = new Tensor(memory, 64, type, count);
      tensor.set(values);
      assertThat(tensor.toFloats()).isEqualTo(values);
      assertThat(tensor.slice(9, 2).toFloats()).containsExactly(values[9], values[10]);
      ByteBuffer read = ByteBuffer.allocate((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
      memory.read(64, read);
      assertThat(read.hasRemaining()).isFalse();
      assertThat(tensor.snapshot()).isEqualTo(read.flip());
      memory.close();
      memory.close();
      assertThatThrownBy(() -> memory.write(0, ByteBuffer.allocate(8)))
          .isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void tooMuchMemoryIsAUserErrorThatSaysForWhat() {
    assertThatThrownBy(() -> backend.allocate("activations of a test", 1L << 50))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("activations of a test")
        .hasMessageContaining("1073741824 MB");
  }

  // What it says about itself.

  @Test
  void refusesWithAReason() {
    assertThat(backend.description()).isNotBlank();
    assertThat(backend.supports(backend.autoPrecision())).isEqualTo(Support.yes());
    for (Precision precision : Precision.values()) {
      if (backend.supports(precision) instanceof Support.No no) {
        assertThat(no.reason()).containsIgnoringCase(name());
      }
    }
    DType foreign = precisions().contains(Precision.FP64) ? DType.F32 : DType.F64;
    OpSpec spec =
        Specs.activation(
            Activation.RELU, new Shape(1, 2, 2, 4), foreign, Pass.INFERENCE, GradientWrite.NONE);
    assertThat(backend.supports(spec)).isInstanceOf(Support.No.class);
    assertThatThrownBy(() -> backend.plan(spec))
        .isInstanceOf(UnsupportedOperationException.class)
        .hasMessageContaining(foreign.toString());
  }

  @ParameterizedTest
  @MethodSource("precisions")
  void refusesToTrainABatchNormOnOneValuePerChannel(Precision precision) {
    require(precision);
    for (Mode statistics : Mode.values()) {
      OpSpec spec =
          Specs.norm(
              new Shape(1, 1, 1, 8),
              1e-5,
              0.1,
              precision.activation(),
              Pass.TRAINING,
              statistics,
              Residual.NONE,
              Activation.NONE,
              GradientWrite.OVERWRITE,
              GradientWrite.OVERWRITE);
      if (statistics == Mode.EVALUATE) {
        assertThat(backend.supports(spec)).isEqualTo(Support.yes());
        continue;
      }
      assertThat(backend.supports(spec)).isInstanceOf(Support.No.class);
      assertThatThrownBy(() -> backend.plan(spec))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("more than one value per channel")
          .hasMessageContaining("1x1x1x8");
    }
  }

  Stream<Run> someOfEach() {
    return Arrays.stream(OpCase.Kind.values())
        .filter(kind -> !kind.refusable())
        .flatMap(kind -> IntStream.range(0, 3).mapToObj(i -> some(kind, i)))
        .flatMap(Function.identity());
  }

  private Stream<Run> some(OpCase.Kind kind, int third) {
    int number = third * kind.cases().size() / 3;
    return runs(kind).filter(run -> run.number == number);
  }

  /** What bit-identical resuming is built on. */
  @ParameterizedTest
  @MethodSource("someOfEach")
  void givesTheSameBitsAgain(Run run) {
    require(run.precision);
    OpSpec spec = run.op.spec().apply(run.precision.activation());
    Map<Slot, double[]> inputs = run.op.values(spec.type());
    Map<Slot, double[]> first = OpRun.run(checked, spec, inputs, run.op.aliases());
    OpRun.run(checked, spec, inputs, run.op.aliases())
        .forEach(
            (slot, again) ->
                assertThat(
                        new Bound.Untouched()
                            .compare(
                                slot + " in the second run of " + run,
                                OpRun.extents(spec, slot),
                                again,
                                first.get(slot)))
                    .matches(Comparison::ok));
  }

  /** Weights packed at one time must not be used after they have changed. */
  @ParameterizedTest
  @MethodSource("precisions")
  void preparesAgainAfterParametersChanged(Precision precision) {
    require(precision);
    Shape x = new Shape(1, 1, 1, 16);
    OpSpec spec =
        Specs.conv(
            x,
            new Conv2d(16, 16, 1, 1, 0),
            precision.activation(),
            Pass.INFERENCE,
            GradientWrite.NONE,
            GradientWrite.NONE);
    try (OpPlan plan = backend.plan(spec);
        Buffer memory = backend.allocate("a test", 1 << 16);
        Buffer extra = backend.allocate("a test", 1 << 20)) {
      Tensor in = new Tensor(memory, 0, precision.activation(), 16);
      Tensor out = new Tensor(memory, 256, precision.activation(), 16);
      Tensor weight = new Tensor(memory, 1024, precision.parameter(), 256);
      Operands operands =
          new Operands().with(Slot.X, in).with(Slot.Y, out).with(Slot.WEIGHT, weight);
      long at = 0;
      for (Map.Entry<Slot, Long> e : OpRun.extras(plan).entrySet()) {
        operands.with(e.getKey(), new Tensor(extra, at, DType.U8, e.getValue()));
        at = (at + e.getValue() + 63) / 64 * 64;
      }
      try (BoundOp op = plan.bind(operands)) {
        double[] values = IntStream.range(0, 16).mapToDouble(i -> i).toArray();
        OpRun.write(in, values);
        for (int factor : new int[] {1, -3}) {
          double[] diagonal = new double[256];
          IntStream.range(0, 16).forEach(i -> diagonal[i * 17] = factor);
          OpRun.write(weight, diagonal);
          op.prepare();
          double[] expected = Arrays.stream(values).map(v -> factor * v).toArray();
          for (String run : List.of("first run", "second run of one preparation")) {
            OpRun.poison(operands);
            op.forward();
            assertThat(EXACT.compare(run, new int[] {1, 1, 1, 16}, OpRun.read(out), expected))
                .matches(Comparison::ok);
          }
        }
      }
    }
  }
}
