package org.jresnet.serve.studio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.awt.image.BufferedImage;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.base.Json;
import org.jresnet.base.Png;
import org.jresnet.testing.Chromium;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The pages Explain and Lab in a real browser. */
@Timeout(180)
final class StudioLookTest {
  @TempDir static Path folder;
  private static StudioFixture studio;
  private static StudioBrowser browser;

  @BeforeAll
  static void start() throws Exception {
    Optional<Chromium> found = Chromium.start(folder.resolve("profile"));
    assumeTrue(found.isPresent(), "no Chromium or Chrome is on the path");
    studio = new StudioFixture(folder);
    studio.train("r1", 1);
    lab("lab-a");
    lab("lab-b");
    studio.open(studio.runs);
    browser = new StudioBrowser(found.orElseThrow(), studio);
  }

  @AfterAll
  static void end() {
    if (browser != null) {
      browser.close();
      studio.close();
    }
  }

  @AfterEach
  void nothingElseHappened() throws Exception {
    browser.requireQuiet();
  }

  /** The folder of a lab, as {@code jresnet lab} writes it. */
  private static void lab(String name) throws Exception {
    Path lab = studio.runs.resolve(name);
    Files.createDirectories(lab);
    Map<String, Object> lesions =
        Map.of(
            "id",
            "lesions",
            "summary",
            "drops each block",
            "paper",
            "Veit et al. 2016",
            "finding",
            "layer1.0 costs most in " + name + StudioFixture.HOSTILE,
            "columns",
            List.of("block", "accuracy"),
            "rows",
            List.of(List.of("layer1.0", 0.25), List.of("layer1.1", 0.5)),
            "picture",
            "lesions.png",
            "seconds",
            1.5);
    Map<String, Object> index =
        Map.of(
            "format",
            1,
            "network",
            "resnet18",
            "data",
            "data",
            "images",
            12,
            "experiments",
            List.of(lesions));
    Files.writeString(lab.resolve("lab.json"), Json.pretty(index));
    Png.write(new BufferedImage(30, 20, BufferedImage.TYPE_INT_RGB), lab.resolve("lesions.png"));
  }

  @Test
  void explainsAnImageInThreeWays() throws Exception {
    browser.page("explain?run=r1");
    browser.await("document.querySelector('[aria-label=\"Image to explain\"]') !== null");
    browser.choose(
        "[aria-label=\"Image to explain\"]", studio.data.resolve("plain").resolve("3.png"));
    browser.await("document.querySelectorAll('.overlay canvas').length === 2");
    assertThat(browser.run("document.querySelector('#main [role=status]').textContent").asText())
        .matches("3\\.png: (plain|<img.*>) with [0-9.]+ %, calibrated on validation images");
    assertThat(
            browser.run("[...document.querySelectorAll('.overlay canvas')].at(-1).width").asInt())
        .as("places that are covered")
        .isEqualTo(8);
    assertThat(browser.run("document.querySelectorAll('rect.bar').length").asInt())
        .as("bands")
        .isGreaterThan(3);
    browser.requireAccessible();
    Path broken = folder.resolve("broken.png");
    Files.writeString(broken, "no image");
    browser.choose("[aria-label=\"Image to explain\"]", broken);
    browser.await("document.querySelector('#problem').textContent.includes('the image')");
    browser.page("runs");
    browser.forgive("422");
  }

  @Test
  void labsStandSideBySide() throws Exception {
    browser.page("lab");
    browser.await("document.querySelectorAll('[data-lab]').length === 2");
    browser.await(
        "[...document.querySelectorAll('img.picture')].every(i => i.naturalWidth === 30)");
    assertThat(browser.run("document.querySelector('[data-lab=lab-a]').innerText").asText())
        .contains("layer1.0 costs most in lab-a<img")
        .contains("Veit et al. 2016")
        .contains("0.25");
    browser.requireAccessible();
    browser.run("document.querySelectorAll('[aria-label=\"Labs to show\"] input')[0].click()");
    browser.await("document.querySelectorAll('[data-lab]').length === 1");
  }

  /** A real one, in a process of its own. */
  @Test
  void runsAnExperimentFromThePage() throws Exception {
    HttpResponse<String> refused = studio.post("/api/lab-run?run=r1&experiments=--out");
    assertThat(refused.statusCode()).isEqualTo(422);
    assertThat(refused.body()).contains("unknown experiment '--out'; known are lesions");
    browser.page("lab?run=r1");
    browser.await("document.querySelector('fieldset input[value=scaling]') !== null");
    browser.run("document.querySelector('fieldset input[value=scaling]').click()");
    browser.run(
        "[...document.querySelectorAll('button')].find(b => b.innerText === 'Run"
            + " experiments').click()");
    browser.await("document.querySelector('#main').innerText.includes('Started in lab-r1-1')");
    Path index = studio.runs.resolve("lab-r1-1").resolve("lab.json");
    for (int i = 0; i < 1200 && !Files.exists(index); i++) {
      Thread.sleep(100);
    }
    browser.await(
        "document.querySelectorAll('#main [aria-label=\"Labs to show\"] input').length === 3");
    browser.run(
        "[...document.querySelectorAll('[aria-label=\"Labs to show\"] label')].find(l =>"
            + " l.innerText.includes('lab-r1-1')).querySelector('input').click()");
    browser.await(
        "document.querySelector('[data-lab=lab-r1-1] [data-experiment=scaling] img').naturalWidth > 100");
  }
}
