package org.jresnet.weights;

import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** Files that PyTorch and safetensors wrote, in {@code fixtures/weights}. */
final class Fixtures {
  static final String REGENERATE = "made by: python tools/fixtures_weights.py";

  /** One line of {@code expected.tsv}. */
  record Expected(String file, String name, String type, String shape, String sha256) {}

  private Fixtures() {}

  static Path file(String name) {
    URL url = Fixtures.class.getResource("/fixtures/weights/" + name);
    if (url == null) {
      throw new IllegalArgumentException("no fixture " + name + "; " + REGENERATE);
    }
    try {
      return Path.of(url.toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  static List<Expected> expected() throws IOException {
    return Files.readAllLines(file("expected.tsv")).stream()
        .map(line -> line.split("\t", -1))
        .map(f -> new Expected(f[0], f[1], f[2], f[3], f[4]))
        .toList();
  }

  static String sha256(HostTensor tensor) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(tensor.data());
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
