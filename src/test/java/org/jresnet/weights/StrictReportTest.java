package org.jresnet.weights;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Parameter.Role;
import org.junit.jupiter.api.Test;

class StrictReportTest {
  private static final List<Parameter> EXPECTED =
      List.of(
          new Parameter("conv1.weight", List.of(2, 1, 1, 1), Role.CONV_WEIGHT),
          new Parameter("bn1.bias", List.of(2), Role.NORM_BIAS),
          new Parameter("bn1.num_batches_tracked", List.of(), Role.BATCHES_TRACKED),
          new Parameter("fc.weight", List.of(3, 2), Role.LINEAR_WEIGHT),
          new Parameter("fc.bias", List.of(3), Role.LINEAR_BIAS));

  private final Map<String, HostTensor> found = new LinkedHashMap<>();

  private void put(String name, Long... shape) {
    int elements = 1;
    for (long extent : shape) {
      elements *= (int) extent;
    }
    found.put(name, HostTensor.ofFloats(List.of(shape), new float[elements]));
  }

  private StrictReport report() {
    return StrictReport.compare(EXPECTED, new StateDict(found, Map.of()));
  }

  private void putAll() {
    put("fc.weight", 3L, 2L);
    put("fc.bias", 3L);
    put("conv1.weight", 2L, 1L, 1L, 1L);
    put("bn1.bias", 2L);
    put("bn1.num_batches_tracked");
  }

  @Test
  void isCleanWhateverTheOrder() {
    putAll();
    assertThat(report().clean()).isTrue();
    assertThat(report().lines()).isEmpty();
    assertThat(report().notes()).isEmpty();
    put("bn1.num_batches_tracked", 1L);
    assertThat(report().clean()).isTrue();
  }

  @Test
  void listsAllDifferencesAtOnce() {
    putAll();
    found.remove("conv1.weight");
    found.remove("bn1.num_batches_tracked");
    put("bn1.bias", 2L, 1L);
    put("fc.weight", 1000L, 2L);
    put("layer9.weight", 1L);
    put("head.bias", 1L);
    assertThat(report().clean()).isFalse();
    assertThat(report().lines())
        .containsExactly(
            "  missing (1):",
            "    conv1.weight",
            "  unexpected (2):",
            "    layer9.weight",
            "    head.bias",
            "  wrong shape (2):",
            "    bn1.bias: expected [2], found [2, 1]",
            "    fc.weight: expected [3, 2], found [1000, 2]",
            "  missing, but tolerated (1):",
            "    bn1.num_batches_tracked");
  }

  @Test
  void toleratesOldFilesButSaysSo() {
    putAll();
    found.remove("bn1.num_batches_tracked");
    assertThat(report().clean()).isTrue();
    assertThat(report().tolerated()).containsExactly("bn1.num_batches_tracked");
    assertThat(report().notes())
        .singleElement()
        .asString()
        .contains("no num_batches_tracked for 1 batch norms");
  }

  @Test
  void refusesACounterThatIsAnArray() {
    putAll();
    put("bn1.num_batches_tracked", 2L);
    assertThat(report().misshapen())
        .containsExactly("bn1.num_batches_tracked: expected [], found [2]");
  }
}
