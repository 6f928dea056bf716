package org.jresnet.serve.studio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jresnet.backend.Precision;
import org.jresnet.engine.BackendKind;
import org.jresnet.testing.Chromium;
import org.jresnet.train.Classifier;
import org.jresnet.train.Evaluation;
import org.jresnet.train.EvaluationFile;
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

  /** Of an evaluation made while the page is open: every count, and the images that went wrong. */
  @Test
  void confusionAndTheSurestMistakesAreShown() throws Exception {
    Path run = studio.runs.resolve("r1");
    Evaluation result;
    try (Classifier classifier = Classifier.open(run, BackendKind.CPU, Precision.FP32)) {
      result = classifier.evaluate(studio.data);
    }
    String data = studio.data.toString();
    EvaluationFile.write(
        run,
        new EvaluationFile.Origin(
            "all",
            "folder",
            "test",
            data,
            "",
            new EvaluationFile.Environment("cpu", "fp32", "cpu")),
        result);
    long[][] counts = result.confusion().counts();
    long wrong = counts[0][1] + counts[1][0];
    assertThat(wrong).as("a network that hardly trained is wrong somewhere").isPositive();
    browser.page("runs");
    browser.await("document.querySelector('tr[data-run=r1]') !== null");
    browser.run("document.querySelector('tr[data-run=r1] [aria-label^=Evaluations]').click()");
    browser.await("document.querySelectorAll('.thumbnails img').length > 0");
    List<String> expected = new ArrayList<>();
    for (int t = 0; t < 2; t++) {
      expected.add(result.classes().get(t));
      for (int p = 0; p < 2; p++) {
        expected.add(Long.toString(counts[t][p]));
      }
    }
    JsonNode cells =
        browser.run(
            "[...[...document.querySelectorAll('table')].find(t =>"
                + " t.caption.innerText.startsWith('Confusion')).tBodies[0].querySelectorAll('th,"
                + " td')].map(c => c.innerText)");
    assertThat(cells).extracting(JsonNode::asText).containsExactlyElementsOf(expected);
    assertThat(browser.run("document.querySelectorAll('.thumbnails img').length").asLong())
        .isEqualTo(Math.min(20, wrong));
    browser.await(
        "[...document.querySelectorAll('.thumbnails img')].every(i => i.naturalWidth > 0)");
    browser.requireAccessible();
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
        "[...document.querySelectorAll('button')].find(b =>"
            + " b.innerText.startsWith('Measure')).click()");
    browser.await("document.querySelectorAll('span.ms').length > 10");
    assertThat(browser.run("document.querySelector('[role=status]').innerText").asText())
        .matches("A training step of 2 images takes [0-9.]+ ms .*");
  }
}
