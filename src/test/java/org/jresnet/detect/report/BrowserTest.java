package org.jresnet.detect.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The page as a real browser shows it. */
class BrowserTest {
  /** Relative luminance and contrast as WCAG 2.2 defines them; 4.5 is its level AA for text. */
  private static final String MEASURE =
      """
      <script>
      addEventListener('load', () => {
        const light = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)
          .map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4); return 0.2126*v[0] + 0.7152*v[1] + 0.0722*v[2]; };
        const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const back = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
          if (!/, 0\\)|transparent/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
        let worst = 99;
        for (const e of document.querySelectorAll('p, th, code, h1, h2, h3, figcaption, a, .tile b, .soft'))
          worst = Math.min(worst, ratio(light(getComputedStyle(e).color), light(back(e))));
        const images = [...document.images].filter(i => !i.naturalWidth).length;
        parent.postMessage('measured dark=' + matchMedia('(prefers-color-scheme: dark)').matches
          + ' overflow=' + (document.documentElement.scrollWidth - innerWidth) + ' broken=' + images
          + ' charts=' + [...document.querySelectorAll('svg')].filter(s => s.getBoundingClientRect().height > 100).length
          + ' contrast=' + worst.toFixed(2), '*');
      });
      </script></head>""";

  private static final String HOST =
      """
      <html><body><iframe src="page.html" width="%d" height="700"></iframe><script>
      addEventListener('message', e => document.body.append(e.data));
      </script></body></html>""";

  private static Browser browser;

  @TempDir Path root;

  @BeforeAll
  static void find() {
    Optional<Browser> found = Browser.ofPath();
    assumeTrue(found.isPresent(), "no Chromium or Chrome is on the path");
    browser = found.orElseThrow();
  }

  private String page() throws IOException {
    PlantedRun run =
        new PlantedRun(
            root, List.of("real", "a_class_with_a_name_of_quite_some_length_without_a_break"));
    run.metrics("1,0.1,0.7,0.5,0.6,0.6", "2,0.1,0.4,0.8,0.5,0.7");
    run.test();
    return run.html();
  }

  @ParameterizedTest
  @CsvSource({"1200, 1", "1200, 0", "360, 1", "360, 0"})
  void fitsAndCanBeRead(int width, int scheme) throws IOException {
    String measured =
        page()
            .replaceFirst("<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "")
            .replace("</head>", MEASURE);
    assertThat(measured).contains("postMessage");
    Files.writeString(root.resolve("page.html"), measured);
    Path host = root.resolve("host.html");
    Files.writeString(host, HOST.formatted(width));
    String dom =
        browser.run(
            host,
            "--blink-settings=preferredColorScheme=" + scheme,
            "--virtual-time-budget=5000",
            "--dump-dom");
    Matcher m =
        Pattern.compile(
                "measured dark=(true|false) overflow=(-?\\d+) broken=(\\d+) charts=(\\d+) contrast=([\\d.]+)")
            .matcher(dom);
    assertThat(m.find()).as("the page reported to its host: %s", dom).isTrue();
    assertThat(m.group(1)).isEqualTo(scheme == 0 ? "true" : "false");
    assertThat(Integer.parseInt(m.group(2)))
        .as("pixels beyond the right edge")
        .isLessThanOrEqualTo(0);
    assertThat(m.group(3)).as("images that do not show").isEqualTo("0");
    assertThat(m.group(4)).as("charts").isEqualTo("5");
    assertThat(Double.parseDouble(m.group(5))).as("least contrast of text").isGreaterThan(4.5);
  }

  @Test
  void printsToPdf() throws IOException {
    Path page = root.resolve("report.html");
    Files.writeString(page, page());
    Path pdf = root.resolve("report.pdf");
    browser.print(page, pdf);
    byte[] bytes = Files.readAllBytes(pdf);
    assertThat(new String(bytes, 0, 5, StandardCharsets.US_ASCII)).isEqualTo("%PDF-");
    assertThat(bytes.length).isGreaterThan(20_000);
    try (var files = Files.list(root)) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .noneMatch(f -> f.startsWith(".report"));
    }
  }
}
