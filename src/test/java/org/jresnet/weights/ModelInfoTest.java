package org.jresnet.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelInfoTest {
  private static final ModelInfo INFO =
      new ModelInfo(
          "resnet50",
          "v1.5",
          64,
          List.of("fake", "real, \"quoted\"", "本物"),
          224,
          "stretch",
          List.of(0.485f, 0.456f, 0.406f),
          List.of(0.229f, 0.224f, 0.225f));

  @Test
  void survivesTheWayThroughMetadata() {
    assertThat(ModelInfo.of(INFO.toMetadata())).contains(INFO);
  }

  @Test
  void isEmptyForFilesOfOthers() {
    assertThat(ModelInfo.of(Map.of())).isEmpty();
    assertThat(ModelInfo.of(Map.of("format", "pt"))).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "format|2|format 2, this version knows 1",
        "format||jresnet.format is missing",
        "variant||jresnet.variant is missing",
        "size||jresnet.size is missing",
        "size|big|size is 'big', expected a number",
        "size|0|size is '0', expected at least 1",
        "width|-1|width is '-1', expected between 1 and 1048576",
        "width|2147483647|width is '2147483647', expected between 1 and 1048576",
        "classes|[]|classes is '[]', expected at least one name",
        "classes|[1|jresnet.classes is no valid JSON",
        "classes|null|jresnet.classes: expected a list, found null",
        "classes|[null]|jresnet.classes: [0]: expected a text, found null",
        "resize|squash|resize is 'squash', expected stretch or crop",
        "mean|1,x|mean is '1,x', expected numbers",
        "mean|NaN,0,0|expected 3 numbers between -1000000 and 1000000",
        "mean|1,2|expected 3 numbers between -1000000 and 1000000",
        "int8|[]|jresnet.int8: expected an object, found a list",
        "int8|null|jresnet.int8: expected an object, found null",
        "int8|{\"a\":null}|jresnet.int8: a: expected a number, found null",
        "int8|{\"a\":-1}|positive numbers",
        "std|1,0,1|expected 3 numbers between 1.0E-6 and 1000000.0",
        "mean|0,3e38,0|expected 3 numbers between -1000000 and 1000000",
        "std|1,1e-38,1|expected 3 numbers between 1.0E-6 and 1000000.0",
        "std|1|expected 3 numbers between 1.0E-6 and 1000000.0",
      })
  void namesTheDamagedKey(String key, String value, String message) {
    Map<String, String> metadata = new LinkedHashMap<>(INFO.toMetadata());
    if (value == null) {
      metadata.remove("jresnet." + key);
    } else {
      metadata.put("jresnet." + key, value);
    }
    assertThatThrownBy(() -> ModelInfo.of(metadata))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(message);
  }
}
