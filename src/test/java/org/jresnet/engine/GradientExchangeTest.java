package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.RankSums;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Solo;
import org.jresnet.distributed.ThreadRanks;
import org.jresnet.distributed.Wire;
import org.jresnet.engine.GradientExchange.Statistics;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;
import org.jresnet.models.Architecture;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.SeededWeights;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What ranks that are threads have after a step, against one process that does it all. */
final class GradientExchangeTest {
  private static final int SIZE = 32;
  private static final int EACH = 2;
  private static final Graph NARROW = Architecture.of("resnet18").graph(3, 8);

  /** Of the published width: 45 MB of gradients. */
  private static final Graph WIDE = Architecture.of("resnet18").graph(3);

  @Test
  void bucketsHoldEveryGradientOnceInBackwardOrder() {
    Graph graph = Architecture.of("resnet50").graph(1000);
    List<Bucket> buckets = Bucket.of(graph, Set.of("layer4.2.conv3.weight"));
    assertThat(buckets).hasSize(5);
    List<String> names = new ArrayList<>();
    long end = Layout.of(graph).trainable();
    for (Bucket bucket : buckets) {
      assertThat(bucket.range().first() + bucket.range().count()).isLessThanOrEqualTo(end);
      end = bucket.range().first();
      names.addAll(bucket.parameters());
    }
    assertThat(end).isZero();
    assertThat(buckets.get(0).parameters()).containsExactly("fc.bias", "fc.weight");
    assertThat(buckets.subList(1, 4)).allMatch(b -> b.bytes() >= Bucket.BYTES);
    List<String> trained =
        new ArrayList<>(
            graph.parameters().stream()
                .filter(p -> p.role().trainable())
                .map(Parameter::name)
                .filter(name -> !name.equals("layer4.2.conv3.weight"))
                .toList());
    Collections.reverse(trained);
    assertThat(names).isEqualTo(trained);
  }

  @Test
  void withNothingToTrainThereIsNoBucket() {
    Set<String> all = new HashSet<>();
    NARROW.parameters().forEach(p -> all.add(p.name()));
    assertThat(Bucket.of(NARROW, all)).isEmpty();
  }

  private static byte[] pixels(int images) {
    return new SeededWeights(5).pixels(images, SIZE, SIZE);
  }

  private static int[] labels(int images) {
    int[] labels = new int[images];
    Arrays.setAll(labels, i -> (i * 7 + i / 3) % 3);
    return labels;
  }

  /** What a step leaves. */
  private record Left(float[] gradients, float[] statistics) {
    static Left of(Model model) {
      return new Left(model.gradients().toFloats(), model.statistics().toFloats());
    }
  }

  private static Model seeded(Graph graph, Backend backend) {
    Model model = new Model(graph, backend, Precision.FP32);
    new SeededWeights(3).into(model);
    return model;
  }

  /** A step without ranks on some of the images. */
  private static Left step(Graph graph, Backend backend, Set<String> frozen, int from, int to) {
    byte[] all = pixels(to);
    int bytes = all.length / to;
    CompileOptions options =
        CompileOptions.training(to - from, SIZE, Fixture.NORMALIZATION).withFrozen(frozen);
    try (Model model = seeded(graph, backend);
        Executable step = Executable.compile(model, options)) {
      step.step(
          Arrays.copyOfRange(all, from * bytes, to * bytes),
          Arrays.copyOfRange(labels(to), from, to));
      return Left.of(model);
    }
  }

  private static List<Left> together(int size, Graph graph, Set<String> frozen, Wire wire) {
    return ThreadRanks.run(size, ranks -> onRank(ranks, graph, frozen, wire, Statistics.OWN));
  }

  private static Left onRank(
      Communicator ranks, Graph graph, Set<String> frozen, Wire wire, Statistics statistics) {
    try (Backend backend = Backends.open("cpu");
        Model model = seeded(graph, backend);
        GradientExchange exchange = new GradientExchange(model, ranks, frozen, wire, statistics)) {
      if (statistics == Statistics.SHARED) {
        backend.synchronizeNorms(sums(ranks));
      }
      CompileOptions options =
          CompileOptions.training(EACH, SIZE, Fixture.NORMALIZATION)
              .withFrozen(frozen)
              .withExchange(exchange);
      try (Executable step = Executable.compile(model, options)) {
        int from = ranks.rank() * EACH;
        byte[] all = pixels(from + EACH);
        int bytes = all.length / (from + EACH);
        for (int i = 0; i < 2; i++) {
          // The second step starts from the same statistics, and finds the memory used.
          new SeededWeights(3).into(model);
          step.step(
              Arrays.copyOfRange(all, from * bytes, all.length),
              Arrays.copyOfRange(labels(from + EACH), from, from + EACH));
          exchange.finish();
        }
        return Left.of(model);
      }
    }
  }

  /** By definition: each rank's step in turn, gradients added, statistics averaged, bit by bit. */
  @Test
  void severalBucketsAreTheSumsOfStepsInTurn() {
    int size = 2;
    assertThat(Bucket.of(WIDE, Set.of())).hasSize(3);
    float[] sums = null;
    float[] means = null;
    try (Backend backend = Backends.open("cpu")) {
      for (int r = 0; r < size; r++) {
        Left own = step(WIDE, backend, Set.of(), r * EACH, (r + 1) * EACH);
        sums = r == 0 ? own.gradients : plus(sums, own.gradients);
        means = r == 0 ? own.statistics : plus(means, own.statistics);
      }
    }
    for (int i = 0; i < means.length; i++) {
      means[i] /= size;
    }
    for (Left left : together(size, WIDE, Set.of(), Wire.FP32)) {
      requireEqual(left.gradients, sums);
      requireEqual(left.statistics, means);
    }
  }

  /** Bit by bit; AssertJ's own comparison of a million values that differ takes an hour. */
  private static void requireEqual(float[] found, float[] expected) {
    int at = Arrays.mismatch(found, expected);
    if (at >= 0) {
      throw new AssertionError("element " + at + " is " + found[at] + ", expected " + expected[at]);
    }
  }

  private static float[] plus(float[] a, float[] b) {
    float[] sum = new float[a.length];
    for (int i = 0; i < sum.length; i++) {
      sum[i] = a[i] + b[i];
    }
    return sum;
  }

  /** Of {@code sum / of} from {@code expected}, relative to that. */
  private static double error(float[] sum, int of, float[] expected) {
    float[] error = new float[sum.length];
    for (int i = 0; i < error.length; i++) {
      error[i] = sum[i] / of - expected[i];
    }
    return norm(error) / norm(expected);
  }

  /** Without batch statistics an image's gradient knows nothing of the others in its batch. */
  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void withFrozenNormsRanksAreOneLargeBatch(int size) {
    Set<String> norms = new HashSet<>();
    NARROW.nodes().stream()
        .filter(n -> n.op().kind().equals("norm"))
        .flatMap(n -> n.parameters().stream())
        .filter(p -> p.role().trainable())
        .forEach(p -> norms.add(p.name()));
    assertThat(norms).hasSizeGreaterThan(30);
    Left whole;
    try (Backend backend = Backends.open("cpu")) {
      whole = step(NARROW, backend, norms, 0, size * EACH);
    }
    float[] one = whole.gradients;
    assertThat(norm(one)).isGreaterThan(0.1);
    for (Left left : together(size, NARROW, norms, Wire.FP32)) {
      // The order of summation alone: some units in the last place of single precision.
      assertThat(error(left.gradients, size, one)).isLessThan(1e-6);
      requireEqual(left.statistics, whole.statistics);
    }
  }

  private static RankSums sums(Communicator ranks) {
    return new RankSums() {
      @Override
      public int ranks() {
        return ranks.size();
      }

      @Override
      public void add(double[] values) {
        ranks.sum(values);
      }
    };
  }

  /** With a residual, a ReLU, both, and neither behind the norm. */
  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void withSyncNormRanksAreOneLargeBatch(int size) {
    Left whole;
    try (Backend backend = Backends.open("cpu")) {
      whole = step(NARROW, backend, Set.of(), 0, size * EACH);
    }
    List<Left> all =
        ThreadRanks.run(
            size, ranks -> onRank(ranks, NARROW, Set.of(), Wire.FP32, Statistics.SHARED));
    for (Left left : all) {
      // Sums in another order, through 20 norms over few values each.
      assertThat(error(left.gradients, size, whole.gradients)).isLessThan(1e-4);
      assertThat(error(left.statistics, 1, whole.statistics)).isLessThan(1e-6);
      requireEqual(left.statistics, all.get(0).statistics);
    }
  }

  /** Through a norm over all ranks it reaches the others, which find it behind that norm. */
  @ParameterizedTest
  @EnumSource(Statistics.class)
  void ranksLookTogetherForWhatIsNotFinite(Statistics statistics) {
    List<NonFinite> found =
        ThreadRanks.run(
            2,
            ranks -> {
              try (Backend backend = Backends.open("cpu");
                  Model model = seeded(NARROW, backend);
                  GradientExchange exchange =
                      new GradientExchange(model, ranks, Set.of(), Wire.FP32, statistics)) {
                if (statistics == Statistics.SHARED) {
                  backend.synchronizeNorms(sums(ranks));
                }
                if (ranks.rank() == 1) {
                  float[] poisoned = model.get("layer2.0.conv2.weight");
                  poisoned[3] = Float.NaN;
                  model.set("layer2.0.conv2.weight", poisoned);
                }
                CompileOptions options =
                    CompileOptions.training(EACH, SIZE, Fixture.NORMALIZATION)
                        .withExchange(exchange);
                try (Executable step = Executable.compile(model, options)) {
                  step.step(pixels(EACH), labels(EACH));
                  exchange.finish();
                  return step.locateNonFinite(pixels(EACH), labels(EACH), 0, -1);
                }
              }
            });
    NonFinite own = found.get(1);
    NonFinite other = found.get(0);
    assertThat(own.what()).isEqualTo("the parameter layer2.0.conv2.weight");
    assertThat(other.action()).isGreaterThan(own.action());
    if (statistics == Statistics.SHARED) {
      assertThat(other.what()).contains("layer2.0");
    } else {
      assertThat(other.action()).isEqualTo(NonFinite.AFTER);
      assertThat(other.what()).startsWith("the gradient of ");
    }
  }

  private static double norm(float[] values) {
    double sum = 0;
    for (float v : values) {
      sum += (double) v * v;
    }
    return Math.sqrt(sum);
  }

  @Test
  void bf16HalvesTheBytesAndRounds() {
    List<Left> exact = together(2, NARROW, Set.of(), Wire.FP32);
    List<Left> rounded = together(2, NARROW, Set.of(), Wire.BF16);
    float[] one = exact.get(0).gradients;
    // Each of two values and their sum is off by half a unit in the last of 8 bits at most.
    assertThat(error(rounded.get(0).gradients, 1, one)).isBetween(0x1p-13, 0x1p-8);
    requireEqual(rounded.get(1).gradients, rounded.get(0).gradients);
    requireEqual(rounded.get(0).statistics, exact.get(0).statistics);
    try (Backend backend = Backends.open("cpu");
        Model model = seeded(NARROW, backend);
        GradientExchange single =
            new GradientExchange(model, Solo.INSTANCE, Set.of(), Wire.FP32, Statistics.SHARED);
        GradientExchange half =
            new GradientExchange(model, Solo.INSTANCE, Set.of(), Wire.BF16, Statistics.SHARED)) {
      assertThat((double) half.bytes() / single.bytes()).isEqualTo(0.5, within(1e-9));
    }
  }
}
