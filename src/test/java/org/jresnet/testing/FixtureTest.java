package org.jresnet.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.jresnet.graph.Parameter;
import org.junit.jupiter.api.Test;

/** The assertions that all network tests rest on must be able to fail. */
class FixtureTest {
  private final Fixture narrow = Fixture.open("resnet18-w8");

  @Test
  void namesListWholeAndSampledQuantities() {
    var trainable =
        narrow.graph().parameters().stream()
            .filter(p -> p.role().trainable())
            .map(Parameter::name)
            .toList();
    assertThat(narrow.names("train/gradient/")).containsExactlyInAnyOrderElementsOf(trainable);
    assertThat(narrow.names("frozen/gradient/")).containsExactlyInAnyOrderElementsOf(trainable);
    assertThat(narrow.names("clip/")).contains("norm", "parameter/conv1.weight");
    assertThat(narrow.names("eval/activation/"))
        .contains("maxpool", "layer1.1.relu", "layer4.1.relu", "avgpool", "fc");
    assertThat(narrow.integer("train/statistic/bn1.num_batches_tracked"))
        .isEqualTo(SeededWeights.BATCHES_TRACKED + 1);
  }

  @Test
  void aWrongElementIsNamed() {
    float[] values = narrow.floats("train/gradient/fc.weight");
    narrow.assertElements("train/gradient/fc.weight", values, 0, 1e-12);
    narrow.assertDistance("train/gradient/fc.weight", values, 0);
    values[17] += 1;
    assertThatThrownBy(() -> narrow.assertElements("train/gradient/fc.weight", values, 1e-3, 1e-4))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("train/gradient/fc.weight: worst at element 17")
        .hasMessageContaining("python tools/fixtures_network.py resnet18-w8");
    assertThatThrownBy(() -> narrow.assertDistance("train/gradient/fc.weight", values, 1e-3))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("element 17");
    values[17] = Float.NaN;
    assertThatThrownBy(() -> narrow.assertElements("train/gradient/fc.weight", values, 1e-3, 1e-4))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("element 17");
    assertThatThrownBy(() -> narrow.assertDistance("train/gradient/fc.weight", values, 1e-3))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("element 17");
  }

  /** One clipped SGD step moves the seeded weights by a norm of 1 in all, so samples stay near. */
  @Test
  void samplesStandForTheWholeTensor() {
    String key = "clip/parameter/layer4.1.conv2.weight";
    float[] start = narrow.weights().of(narrow.graph()).get("layer4.1.conv2.weight");
    narrow.assertDistance(key, start, 0.1);
    assertThatThrownBy(() -> narrow.assertDistance(key, start, 1e-5))
        .isInstanceOf(AssertionError.class);
    float[] twice = start.clone();
    for (int i = 0; i < twice.length; i++) {
      twice[i] *= 2;
    }
    assertThatThrownBy(() -> narrow.assertDistance(key, twice, 0.1))
        .isInstanceOf(AssertionError.class);
  }

  @Test
  void aMissingCaseSaysHowToMakeIt() {
    assertThatThrownBy(() -> Fixture.open("resnet99"))
        .hasMessageContaining("python tools/fixtures_network.py resnet99");
  }
}
