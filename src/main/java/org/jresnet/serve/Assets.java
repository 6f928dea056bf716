package org.jresnet.serve;

import io.undertow.util.Headers;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jresnet.base.Version;

/** The page for people and the OpenAPI document, which come with the program. */
final class Assets {
  /** Everything comes from this server, images from the user's disk; nothing may frame the page. */
  private static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:;"
          + " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  /**
   * A file.
   *
   * @param path in requests
   */
  record Asset(String path, String type, String text) {
    void send(Call call) {
      call.exchange()
          .getResponseHeaders()
          .put(Headers.CONTENT_SECURITY_POLICY, POLICY)
          .put(Headers.REFERRER_POLICY, "no-referrer");
      call.send(200, type, text);
    }
  }

  private Assets() {}

  /** All of them. */
  static List<Asset> all() {
    return List.of(
        new Asset("/", "text/html; charset=utf-8", read("index.html")),
        new Asset("/page.css", "text/css; charset=utf-8", read("page.css")),
        new Asset("/page.js", "text/javascript; charset=utf-8", read("page.js")),
        new Asset(
            "/openapi.json",
            "application/json",
            read("openapi.json").replace("{version}", Version.number())));
  }

  private static String read(String name) {
    try (InputStream in = Assets.class.getResourceAsStream(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
