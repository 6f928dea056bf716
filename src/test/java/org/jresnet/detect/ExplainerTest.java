package org.jresnet.detect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Precision;
import org.jresnet.backend.UpdateRule;
import org.jresnet.base.UserError;
import org.jresnet.data.RgbImage;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Op;
import org.jresnet.train.Classifier;
import org.jresnet.train.HeatMap;
import org.jresnet.weights.ModelInfo;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Explanations of networks of which we know what they have learned: two classes of images that
 * differ in one planted thing.
 */
final class ExplainerTest {
  private static final int SIZE = 48;
  private static final int PATCH = 8;

  /** The middle of band 4. */
  private static final double FREQUENCY = 0.28;

  private static final int IMAGES = 20;
  private static final ModelInfo INFO =
      new ModelInfo(
          "planted",
          "test",
          8,
          List.of("plain", "planted"),
          SIZE,
          "stretch",
          List.of(0.5f, 0.5f, 0.5f),
          List.of(0.25f, 0.25f, 0.25f));

  private static Compute compute;
  private static Model patches;
  private static Model gratings;

  /** An image and where its patch begins. */
  private record Planted(RgbImage image, int left, int top) {}

  @BeforeAll
  static void train() {
    compute = Compute.open(BackendKind.CPU, Precision.FP32);
    patches = trained(random -> patch(random).image());
    gratings = trained(ExplainerTest::grating);
  }

  @AfterAll
  static void close() {
    patches.close();
    gratings.close();
    compute.close();
  }

  private static Graph graph() {
    Graph.Builder g = Graph.builder("planted", 3);
    int x = block(g, "a", new Conv2d(3, 8, 3, 2, 1), 0);
    x = block(g, "b", new Conv2d(8, 16, 3, 2, 1), x);
    x = block(g, "c", new Conv2d(16, 16, 3, 1, 1), x);
    x = g.add("pool", new Op.GlobalAvgPool(), x);
    g.add("head", new Op.Linear(16, 2), x);
    return g.build();
  }

  private static int block(Graph.Builder g, String name, Conv2d conv, int input) {
    int x = g.add(name + ".conv", conv, input);
    x = g.add(name + ".bn", new Op.BatchNorm(conv.k(), 1e-5, 0.1), x);
    return g.add(name + ".relu", Activation.relu(), x);
  }

  private interface Draw {
    RgbImage of(Random random);
  }

  private static Model trained(Draw planted) {
    Model model = compute.model(graph());
    model.initialize(1, Model.BlockEnd.ONE);
    Random random = new Random(2);
    int batch = 32;
    byte[] pixels = new byte[batch * SIZE * SIZE * 3];
    int[] labels = new int[batch];
    CompileOptions options =
        CompileOptions.training(batch, SIZE, new Normalization(INFO.mean(), INFO.std()));
    try (Executable step = Executable.compile(model, options);
        OptimizerState adam =
            new OptimizerState(model, new UpdateRule.Adam(0.9, 0.999, 1e-8, 0), Set.of())) {
      for (int i = 0; i < 200; i++) {
        for (int b = 0; b < batch; b++) {
          labels[b] = b % 2;
          RgbImage image = b % 2 == 0 ? plain(random) : planted.of(random);
          System.arraycopy(image.rgb(), 0, pixels, b * image.rgb().length, image.rgb().length);
        }
        step.step(pixels, labels);
        adam.step(3e-3, 1);
      }
    }
    return model;
  }

  /** A smooth gradient of random colours, and noise. */
  private static RgbImage plain(Random random) {
    double[] corners = random.doubles(12, 70, 180).toArray();
    byte[] rgb = new byte[SIZE * SIZE * 3];
    for (int i = 0; i < rgb.length; i++) {
      double x = i / 3 % SIZE / (SIZE - 1.0);
      double y = i / 3 / SIZE / (SIZE - 1.0);
      int c = i % 3;
      double value =
          (1 - y) * ((1 - x) * corners[c] + x * corners[3 + c])
              + y * ((1 - x) * corners[6 + c] + x * corners[9 + c]);
      rgb[i] = (byte) Math.round(value + 10 * random.nextGaussian());
    }
    return new RgbImage(SIZE, SIZE, rgb);
  }

  /** With squares of two pixels, brighter and darker, in a patch somewhere. */
  private static Planted patch(Random random) {
    RgbImage image = plain(random);
    int left = random.nextInt(SIZE - PATCH + 1);
    int top = random.nextInt(SIZE - PATCH + 1);
    for (int y = top; y < top + PATCH; y++) {
      for (int x = left; x < left + PATCH; x++) {
        int sign = (x / 2 + y / 2) % 2 == 0 ? 50 : -50;
        for (int c = 0; c < 3; c++) {
          int at = (y * SIZE + x) * 3 + c;
          image.rgb()[at] = (byte) Math.max(0, Math.min(255, (image.rgb()[at] & 255) + sign));
        }
      }
    }
    return new Planted(image, left, top);
  }

  /** With a weak wave of one frequency in any direction all over it. */
  private static RgbImage grating(Random random) {
    RgbImage image = plain(random);
    double angle = Math.PI * random.nextDouble();
    double phase = 2 * Math.PI * random.nextDouble();
    for (int i = 0; i < image.rgb().length; i++) {
      int x = i / 3 % SIZE;
      int y = i / 3 / SIZE;
      double along = x * Math.cos(angle) + y * Math.sin(angle);
      double wave = 12 * Math.cos(2 * Math.PI * FREQUENCY * along + phase);
      image.rgb()[i] = (byte) Math.max(0, Math.min(255, Math.round((image.rgb()[i] & 255) + wave)));
    }
    return image;
  }

  /** Whether the middle of the map's largest cell lies in the patch or right beside it. */
  private static boolean hits(HeatMap map, Planted planted) {
    int cell = SIZE / map.width();
    double x = (map.peak() % map.width() + 0.5) * cell;
    double y = (map.peak() / map.width() + 0.5) * cell;
    return x > planted.left() - cell
        && x < planted.left() + PATCH + cell
        && y > planted.top() - cell
        && y < planted.top() + PATCH + cell;
  }

  /** Covering the patch takes most away from its class; a cell that meets it is the largest. */
  @Test
  void occlusionFindsThePlantedPatch() {
    Random random = new Random(4);
    int cells = SIZE / PATCH;
    int hits = 0;
    try (Explainer explainer = new Explainer(Classifier.of(patches, INFO), Optional.empty())) {
      for (int i = 0; i < IMAGES; i++) {
        Planted planted = patch(random);
        double[][] losses = explainer.occlusion(explainer.explain(planted.image()), cells);
        int best = 0;
        for (int c = 0; c < cells * cells; c++) {
          best = losses[c / cells][c % cells] > losses[best / cells][best % cells] ? c : best;
        }
        assertThat(losses[best / cells][best % cells]).isPositive();
        int top = best / cells * PATCH;
        int left = best % cells * PATCH;
        hits +=
            Math.abs(top - planted.top()) < PATCH && Math.abs(left - planted.left()) < PATCH
                ? 1
                : 0;
      }
    }
    assertThat(hits).isGreaterThanOrEqualTo(IMAGES - 1);
  }

  /** One place in nine is a hit by chance. */
  @Test
  void theMapFindsThePlantedPatch() {
    Random random = new Random(3);
    int hits = 0;
    try (Explainer explainer = new Explainer(Classifier.of(patches, INFO), Optional.empty())) {
      assertThat(explainer.layer()).isEqualTo("c.relu");
      for (int i = 0; i < IMAGES; i++) {
        Planted planted = patch(random);
        Explanation e = explainer.explain(planted.image());
        assertThat(e.label()).as("image %s", i).isEqualTo("planted");
        hits += hits(e.map(), planted) ? 1 : 0;
      }
    }
    assertThat(hits).isGreaterThanOrEqualTo(IMAGES - 1);
  }

  /** One band in eight by chance. */
  @Test
  void theRemovalOfBandsFindsThePlantedFrequency() {
    Random random = new Random(4);
    int found = 0;
    try (Explainer explainer = new Explainer(Classifier.of(gratings, INFO), Optional.empty())) {
      for (int i = 0; i < IMAGES; i++) {
        Explanation e = explainer.explain(grating(random));
        assertThat(e.label()).as("image %s", i).isEqualTo("planted");
        BandOcclusion.Band band = e.strongest().band();
        found += band.from() < FREQUENCY && FREQUENCY < band.to() ? 1 : 0;
        assertThat(e.probability()).isGreaterThan(0.5);
        assertThat(e.strongest().logOdds()).isLessThan(e.logOdds());
      }
    }
    assertThat(found).isGreaterThanOrEqualTo(IMAGES - 1);
  }

  /** What shows the image and not the network would stay (Adebayo et al. 2018). */
  @Test
  void theMapChangesWithTheWeights() {
    Random random = new Random(5);
    List<Planted> images = IntStream.range(0, IMAGES).mapToObj(i -> patch(random)).toList();
    double likeness = 0;
    int hits = 0;
    int seeds = 5;
    try (Model other = compute.model(graph());
        Explainer trained = new Explainer(Classifier.of(patches, INFO), Optional.empty())) {
      for (int seed = 0; seed < seeds; seed++) {
        other.initialize(seed, Model.BlockEnd.ONE);
        try (Explainer random2 = new Explainer(Classifier.of(other, INFO), Optional.empty())) {
          for (Planted planted : images) {
            HeatMap map = random2.explain(planted.image()).map();
            likeness += rankCorrelation(trained.explain(planted.image()).map(), map);
            hits += hits(map, planted) ? 1 : 0;
          }
        }
      }
    }
    assertThat(likeness / (seeds * IMAGES)).isLessThan(0.5);
    assertThat(hits).isLessThan(seeds * IMAGES / 2);
  }

  private static double rankCorrelation(HeatMap a, HeatMap b) {
    double[] x = ranks(a.values());
    double[] y = ranks(b.values());
    double mean = (x.length - 1) / 2.0;
    double xy = 0;
    double xx = 0;
    double yy = 0;
    for (int i = 0; i < x.length; i++) {
      xy += (x[i] - mean) * (y[i] - mean);
      xx += (x[i] - mean) * (x[i] - mean);
      yy += (y[i] - mean) * (y[i] - mean);
    }
    return xx == 0 || yy == 0 ? 0 : xy / Math.sqrt(xx * yy);
  }

  /** Equal values share the mean of their ranks. */
  private static double[] ranks(float[] values) {
    Integer[] order = IntStream.range(0, values.length).boxed().toArray(Integer[]::new);
    Arrays.sort(order, Comparator.comparingDouble(i -> values[i]));
    double[] ranks = new double[values.length];
    for (int from = 0; from < order.length; ) {
      int to = from;
      while (to + 1 < order.length && values[order[to + 1]] == values[order[from]]) {
        to++;
      }
      for (int i = from; i <= to; i++) {
        ranks[order[i]] = (from + to) / 2.0;
      }
      from = to + 1;
    }
    return ranks;
  }

  @Test
  void theReferenceAgreesAndTheFacadeGivesTheSameMap() {
    RgbImage image = patch(new Random(6)).image();
    HeatMap map;
    try (Explainer explainer = new Explainer(Classifier.of(patches, INFO), Optional.empty())) {
      Explanation e = explainer.explain(image);
      map = e.map();
      assertThat(Classifier.of(patches, INFO).gradCam(image, e.label()).values())
          .isEqualTo(map.values());
    }
    try (Compute reference = Compute.open(BackendKind.REFERENCE, Precision.FP64);
        Model copy = reference.model(graph())) {
      assertThat(copy.take(patches)).isEmpty();
      HeatMap expected = Classifier.of(copy, INFO).gradCam(image, "planted");
      double largest = expected.largest();
      assertThat(largest).isPositive();
      for (int i = 0; i < map.values().length; i++) {
        assertThat((double) map.values()[i])
            .isCloseTo(expected.values()[i], within(1e-4 * largest));
      }
    }
  }

  @Test
  void anUnknownLayerIsNamed() {
    Classifier classifier = Classifier.of(patches, INFO);
    assertThatThrownBy(() -> new Explainer(classifier, Optional.of("d.relu")))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("no node named d.relu")
        .hasMessageContaining("summary");
  }

  /** Grad-CAM by its definition, on numbers that can be checked by hand. */
  @Test
  void aMapIsResizedBetweenTheCentresOfItsCells() {
    HeatMap map = new HeatMap("x", 1, 2, new float[] {0, 4});
    assertThat(map.resized(2, 4).values()).containsExactly(0, 1, 3, 4, 0, 1, 3, 4);
    assertThat(map.peak()).isEqualTo(1);
  }
}
