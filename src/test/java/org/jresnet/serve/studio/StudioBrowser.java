package org.jresnet.serve.studio;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.jresnet.testing.Chromium;

/** A browser with a studio open in it. */
final class StudioBrowser implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Chromium browser;
  private final StudioFixture studio;
  private String forgiven = "none";

  StudioBrowser(Chromium browser, StudioFixture studio) throws Exception {
    this.browser = browser;
    this.studio = studio;
    browser.open(studio.address());
    browser.await("document.querySelector('tr[data-run]') !== null");
  }

  void page(String fragment) throws Exception {
    browser.run("location.hash = '" + fragment + "'");
    String name = fragment.replaceAll("\\?.*", "");
    browser.await("document.getElementById('main').dataset.page === '" + name + "'");
  }

  JsonNode run(String expression) throws Exception {
    return browser.run(expression);
  }

  void await(String expression) throws Exception {
    browser.await(expression);
  }

  void press(String key) throws Exception {
    browser.press(key);
  }

  void choose(String selector, Path file) throws Exception {
    browser.choose(selector, file);
  }

  void open(String address) throws Exception {
    browser.open(address);
  }

  /** Whatever the page did: nothing complained, nothing left the machine, no name became markup. */
  void requireQuiet() throws Exception {
    assertThat(browser.complaints())
        .as("the browser's console")
        .allMatch(c -> c.contains("status of " + forgiven));
    String own = "http://127.0.0.1:" + studio.port() + "/";
    assertThat(browser.requests())
        .isNotEmpty()
        .allMatch(
            url ->
                url.startsWith(own)
                    || url.startsWith("data:")
                    || url.startsWith("blob:")
                    || url.startsWith("file:")
                    || url.equals("about:blank"));
    assertThat(browser.run("document.title").asText()).endsWith("jresnet studio");
    assertThat(browser.run("document.getElementById('problem').textContent").asText()).isEmpty();
  }

  /** Takes complaints about a status as said: the page was meant to be refused. */
  void forgive(String status) {
    forgiven = status;
  }

  /** Violations that axe finds, in light and in dark. */
  void requireAccessible() throws Exception {
    try (InputStream script = StudioBrowser.class.getResourceAsStream("/axe.min.js")) {
      browser.run(new String(script.readAllBytes(), StandardCharsets.UTF_8) + "; true");
    }
    for (String scheme : List.of("light", "dark")) {
      browser.prefer(scheme);
      JsonNode found =
          browser.run(
              "axe.run({resultTypes: ['violations']}).then(r => JSON.stringify({passes:"
                  + " r.passes.length, violations: r.violations.map(v => v.id + ': ' + v.help + ' '"
                  + " + v.nodes.map(n => n.html).slice(0, 3).join(' '))}))");
      JsonNode result = JSON.readTree(found.asText());
      assertThat(result.get("passes").asInt()).as("rules that apply").isGreaterThan(10);
      assertThat(result.get("violations")).as(scheme).isEmpty();
    }
  }

  @Override
  public void close() {
    browser.close();
  }
}
