package org.jresnet.serve.studio;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jresnet.backend.reference.ReferenceBackend;
import org.jresnet.base.Text;
import org.jresnet.serve.Call;
import org.jresnet.serve.Problem;

/** What the page Walk asks for. */
final class WalkRequests {
  private static final Pattern SOURCE = Pattern.compile("[A-Z][A-Za-z]*\\.java");
  private static final Pattern ELEMENT = Pattern.compile("\\d{1,9}(,\\d{1,9}){0,3}");
  private static final int SIDE = 256;

  private final Walks walks;

  WalkRequests(Walks walks) {
    this.walks = walks;
  }

  void describe(Call call) {
    call.json(walks.of(call).description());
  }

  void map(Call call) {
    call.json(
        walks
            .of(call)
            .map(
                Studio.parameter(call, "tensor"),
                Studio.number(call, "image"),
                Studio.number(call, "first"),
                Studio.number(call, "count"),
                SIDE));
  }

  void trace(Call call) {
    call.json(
        walks
            .of(call)
            .trace(
                Studio.number(call, "step"),
                Studio.number(call, "trace"),
                place(call),
                Studio.optional(call, "parameter"),
                Studio.optional(call, "element").map(WalkRequests::element)));
  }

  static Walk.Place place(Call call) {
    return new Walk.Place(
        Math.max(0, Studio.number(call, "image")),
        share(call, "y"),
        share(call, "x"),
        Math.max(0, Studio.number(call, "channel")));
  }

  private static double share(Call call, String name) {
    String text = Studio.parameter(call, name);
    try {
      double value = Double.parseDouble(text);
      if (value >= 0 && value <= 1) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Falls through to the refusal.
    }
    throw new Problem(
        400, Text.format("'%s' must be between 0 and 1, found '%s'", name, Text.visible(text)));
  }

  private static int[] element(String text) {
    if (!ELEMENT.matcher(text).matches()) {
      throw new Problem(
          400,
          Text.format(
              "an element is up to four whole numbers with commas, found '%s'",
              Text.visible(text)));
    }
    return Arrays.stream(text.split(",", -1)).mapToInt(Integer::parseInt).toArray();
  }

  /** The walk as one HTML file. */
  void save(Call call) {
    call.send(
        "text/html; charset=utf-8",
        SavedWalk.of(walks.of(call), place(call)).getBytes(StandardCharsets.UTF_8));
  }

  void source(Call call) {
    String file = Studio.parameter(call, "file");
    call.json(Map.of("file", file, "text", source(file)));
  }

  /** A file of the plain-Java reference, which the jar holds beside its class. */
  static String source(String file) {
    Optional<InputStream> found =
        SOURCE.matcher(file).matches()
            ? Optional.ofNullable(ReferenceBackend.class.getResourceAsStream(file))
            : Optional.empty();
    try (InputStream in =
        found.orElseThrow(
            () ->
                new Problem(
                    404, Text.format("the reference has no file '%s'", Text.visible(file))))) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
