package org.jresnet.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SeededWeightsTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "resnet18-w8",
        "resnet18-w8-75x61",
        "resnet50-w8",
        "resnet18",
        "resnet50",
        "resnet50-224",
        "mobilenet_v3_small-w8",
        "mobilenet_v3_large-w8",
        "mobilenet_v2-w8",
        "shufflenet_v2_x1_0-w6",
        "efficientnet_b0-w8",
        "efficientnet_v2_s-w8",
        "regnet_y_400mf-w8"
      })
  void valuesEqualPythonsToTheBit(String name) {
    Fixture fixture = Fixture.open(name);
    Map<String, float[]> values = new HashMap<>(fixture.weights().of(fixture.graph()));
    byte[] pixels = fixture.pixels();
    float[] input = new float[pixels.length];
    for (int i = 0; i < input.length; i++) {
      input[i] = Fixture.NORMALIZATION.apply(i % 3, pixels[i] & 255);
    }
    values.put("input", input);
    var checks = fixture.facts().get("sha256").properties();
    assertThat(checks).hasSizeGreaterThanOrEqualTo(10);
    for (var check : checks) {
      String tensor = check.getKey();
      assertThat(sha256(tensor.equals("pixels") ? pixels : bytes(values.get(tensor))))
          .as("%s of %s, as made by %s", tensor, name, fixture.facts().get("command"))
          .isEqualTo(check.getValue().asText());
    }
  }

  private static byte[] bytes(float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return bytes.array();
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
