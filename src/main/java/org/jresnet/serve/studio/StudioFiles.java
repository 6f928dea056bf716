package org.jresnet.serve.studio;

import io.undertow.util.Headers;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jresnet.serve.Call;

/** The pages, scripts and styles, which come with the program. */
final class StudioFiles {
  /** Everything comes from this server; nothing may frame the page, no script stands in it. */
  private static final String POLICY =
      "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none';"
          + " form-action 'none'; frame-ancestors 'none'";

  /** The modules that a saved walk needs, too, each after those that it imports. */
  static final List<String> WALK =
      List.of("dom.js", "numbers.js", "maps.js", "formula.js", "walk-view.js");

  private static final List<String> OTHERS =
      List.of("app.js", "chart.js", "runs.js", "network.js", "walk.js", "explain.js", "lab.js");

  private StudioFiles() {}

  /** Whether there is such a file. */
  static boolean has(String path) {
    String name = path.substring(1);
    return path.equals("/")
        || name.equals("studio.css")
        || WALK.contains(name)
        || OTHERS.contains(name);
  }

  static void send(Call call) {
    String name = call.path().equals("/") ? "index.html" : call.path().substring(1);
    call.exchange()
        .getResponseHeaders()
        .put(Headers.CONTENT_SECURITY_POLICY, POLICY)
        .put(Headers.REFERRER_POLICY, "no-referrer");
    String type =
        name.endsWith(".js") ? "text/javascript" : name.endsWith(".css") ? "text/css" : "text/html";
    call.send(200, type + "; charset=utf-8", read(name));
  }

  /** The text of a file. */
  static String read(String name) {
    try (InputStream in = StudioFiles.class.getResourceAsStream(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
