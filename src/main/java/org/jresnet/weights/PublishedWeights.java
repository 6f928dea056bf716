package org.jresnet.weights;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jresnet.base.UserError;
import org.jresnet.graph.Graph;

/**
 * Published files are what their names say. The whole SHA-256 is known of those in {@code
 * SHA256SUMS}, of others with a name in torchvision's manner the first eight or ten digits, which
 * the name carries.
 */
final class PublishedWeights {
  private static final String SUMS = "SHA256SUMS";

  /** At least one letter, so that a date is no checksum. */
  private static final Pattern NAME = Pattern.compile("(.+)-(?=\\d*[a-f])([0-9a-f]{8,10})\\.pth");

  private static final int CHUNK = 1 << 20;

  private PublishedWeights() {}

  /**
   * Compares the content with the name.
   *
   * @param networks a file whose name starts with one of theirs is taken for a published one
   * @throws UserError if they differ
   */
  static void check(Path file, FileChannel channel, List<Graph> networks) throws IOException {
    String name = file.getFileName().toString();
    Matcher matcher = NAME.matcher(name);
    boolean published =
        matcher.matches()
            && networks.stream()
                .anyMatch(n -> letters(matcher.group(1)).startsWith(letters(n.name())));
    String expected = known().getOrDefault(name, published ? matcher.group(2) : "");
    if (expected.isEmpty()) {
      return;
    }
    String found = sha256(channel);
    if (!found.startsWith(expected)) {
      throw new UserError(
          file
              + " is not the published "
              + name
              + ": its SHA-256 is "
              + found
              + ", expected "
              + (expected.length() < found.length() ? "one that starts with " : "")
              + expected
              + "; the download is damaged or another file, get it again (if the name does not"
              + " mean a published file, rename it)");
    }
  }

  /** Names of files have dots and underscores elsewhere, and leave out a last zero. */
  private static String letters(String name) {
    return name.replaceAll("_0$", "").replaceAll("[._]", "");
  }

  private static Map<String, String> known() {
    try (InputStream in = PublishedWeights.class.getResourceAsStream(SUMS)) {
      return new String(in.readAllBytes(), StandardCharsets.US_ASCII)
          .lines()
          .map(line -> line.split(" {2}", 2))
          .collect(Collectors.toMap(parts -> parts[1], parts -> parts[0]));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String sha256(FileChannel channel) throws IOException {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
      for (long at = 0; channel.read(buffer, at) > 0; buffer.clear()) {
        at += buffer.position();
        digest.update(buffer.flip());
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java runtime has SHA-256", e);
    }
  }
}
