package org.jresnet.serve.studio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jresnet.testing.Chromium;
import org.jresnet.train.RunFolder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The pages in a real browser. */
@Timeout(180)
final class StudioPagesTest {
  @TempDir static Path folder;
  private static StudioFixture studio;
  private static StudioBrowser browser;

  @BeforeAll
  static void start() throws Exception {
    Optional<Chromium> found = Chromium.start(folder.resolve("profile"));
    assumeTrue(found.isPresent(), "no Chromium or Chrome is on the path");
    studio = new StudioFixture(folder);
    studio.train("r1", 2);
    studio.train(StudioFixture.HOSTILE.replace("src=x", "src=y"), 1);
    studio.open(studio.runs);
    browser = new StudioBrowser(found.orElseThrow(), studio);
    browser.await("document.querySelectorAll('tr[data-run]').length === 2");
  }

  @AfterAll
  static void end() {
    if (browser != null) {
      browser.close();
    }
    if (studio != null) {
      studio.close();
    }
  }

  @AfterEach
  void nothingElseHappened() throws Exception {
    browser.requireQuiet();
  }

  @Test
  void runsAreListedComparedAndCurvesArriveWhileOneTrains() throws Exception {
    browser.page("runs");
    browser.await("document.querySelectorAll('tr[data-run]').length === 2");
    assertThat(browser.run("location.search").asText()).as("the token").isEmpty();
    assertThat(browser.run("document.querySelector('tr[data-run=r1]').dataset.state").asText())
        .isEqualTo("finished");
    browser.requireAccessible();
    // A training of this process, which the page watches from its first epoch to its last.
    Path run = studio.runs.resolve("live");
    Thread training =
        new Thread(() -> studio.training(40).run(run, RunFolder.Existing.REFUSE, note -> {}));
    training.start();
    try {
      browser.await("document.querySelector('tr[data-run=live]')?.dataset.state === 'training'");
      browser.run("document.querySelector('tr[data-run=live] input').click()");
      browser.await("+document.querySelector('tr[data-run=live]').dataset.epochs >= 2");
      int points = points();
      browser.await("(" + POINTS + ") > " + points);
    } finally {
      training.join();
    }
    browser.await("document.querySelector('tr[data-run=live]').dataset.state === 'finished'");
    browser.await("document.querySelector('tr[data-run=live]').dataset.epochs === '40'");
    assertThat(browser.run(POINTS).asInt()).isEqualTo(40);
    assertThat(
            browser.run("document.querySelector('tr[data-run=live] button').disabled").asBoolean())
        .as("stop")
        .isTrue();
    try (var files = Files.walk(run)) {
      for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
    browser.await("!document.querySelector('tr[data-run=live]')");
  }

  private static final String POINTS =
      "Math.max(...[...document.querySelectorAll('polyline')].map(l =>"
          + " l.getAttribute('points').split(' ').length))";

  private static int points() throws Exception {
    return browser.run(POINTS).asInt();
  }

  @Test
  void aKilledTrainingIsSeenResumedAndStoppedFromThePage() throws Exception {
    browser.page("runs");
    Path run = studio.runs.resolve("other");
    Process training =
        StudioFixture.jresnet(
                List.of(
                    "train",
                    studio.data.toString(),
                    "--out=" + run,
                    "--model=resnet18",
                    "--width=4",
                    "--size=32",
                    "--epochs=2000",
                    "--batch=4",
                    "--backend=cpu",
                    "--precision=fp32"))
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("other.log").toFile())
            .start();
    try {
      browser.await("+document.querySelector('tr[data-run=other]')?.dataset.epochs >= 1");
      // Killed while the page is watching.
      training.destroyForcibly();
      browser.await("document.querySelector('tr[data-run=other]').dataset.state === 'stopped'");
      int epochs =
          browser.run("+document.querySelector('tr[data-run=other]').dataset.epochs").asInt();
      browser.run("document.querySelector('tr[data-run=other] [aria-label^=Resume]').click()");
      browser.await("document.querySelector('tr[data-run=other]').dataset.state === 'training'");
      browser.await("+document.querySelector('tr[data-run=other]').dataset.epochs > " + epochs);
      browser.run("document.querySelector('tr[data-run=other] [aria-label^=Stop]').click()");
      browser.await("document.querySelector('tr[data-run=other]').dataset.state === 'stopped'");
    } finally {
      training.destroyForcibly();
    }
  }

  @Test
  void theNetworkUnfoldsToItsNodes() throws Exception {
    browser.page("network?run=r1");
    browser.await("document.querySelectorAll('details[data-block]').length === 15");
    browser.await("document.querySelector('canvas') !== null");
    browser.run("document.querySelector(\"details[data-block='layer2.0'] summary\").click()");
    String block =
        browser
            .run("document.querySelector(\"details[data-block='layer2.0']\").innerText")
            .asText();
    assertThat(block).contains("layer2.0.downsample.0").contains("4x4x8").contains("layer2.0.add");
    browser.run(
        "document.querySelector('[aria-label=\"Histogram of layer2.0.conv1.weight\"]').click()");
    browser.await("document.querySelectorAll('rect.bar').length === 64");
    browser.requireAccessible();
    browser.run(
        "[...document.querySelectorAll('button')].find(b => b.innerText.startsWith('Measure')).click()");
    browser.await("document.querySelectorAll('span.ms').length > 10");
    assertThat(browser.run("document.querySelector('[role=status]').innerText").asText())
        .matches("A training step of 2 images takes [0-9.]+ ms .*");
  }
}
