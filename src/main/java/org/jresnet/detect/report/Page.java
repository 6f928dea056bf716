package org.jresnet.detect.report;

import com.samskivert.mustache.Mustache;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** The template of the page, filled. All text is escaped but what the sections draw themselves. */
final class Page {
  private static final String TEMPLATE = "report.html";

  private Page() {}

  static String render(Map<String, Object> model) {
    try (InputStream in = Page.class.getResourceAsStream(TEMPLATE);
        Reader template = new InputStreamReader(in, StandardCharsets.UTF_8)) {
      return Mustache.compiler()
          .defaultValue("")
          .emptyStringIsFalse(true)
          .zeroIsFalse(true)
          .compile(template)
          .execute(model);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
