package org.jresnet.serve.studio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jresnet.base.UserError;
import org.jresnet.inspect.Recording;
import org.jresnet.inspect.trace.SmallStep;
import org.jresnet.testing.Chromium;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The page that walks through a recorded step, in a real browser. */
@Timeout(180)
final class StudioWalkTest {
  @TempDir static Path folder;
  private static StudioFixture studio;
  private static StudioBrowser browser;
  private static Recording recording;
  private static Path made;

  @BeforeAll
  static void start() throws Exception {
    Optional<Chromium> found = Chromium.start(folder.resolve("profile"));
    assumeTrue(found.isPresent(), "no Chromium or Chrome is on the path");
    studio = new StudioFixture(folder);
    studio.train("r1", 1);
    Path file = SmallStep.write(studio.runs.resolve("a.rec"), "resnet18");
    recording = Recording.open(file);
    studio.open(studio.runs);
    browser = new StudioBrowser(found.orElseThrow(), studio);
    browser.page("walk");
    browser.await("document.querySelector('.stage')?.dataset.station === '0'");
  }

  @AfterAll
  static void end() {
    if (browser != null) {
      browser.close();
      recording.close();
      studio.close();
      assertThat(made == null || !Files.exists(made)).as("recordings are deleted").isTrue();
    }
  }

  @AfterEach
  void nothingElseHappened() throws Exception {
    browser.requireQuiet();
  }

  private static void choose(String name) throws Exception {
    String option =
        "[...document.querySelectorAll('[aria-label=Recording] option')].find(o => o.textContent"
            + " === '"
            + name
            + "')";
    browser.await(option + " !== undefined");
    browser.run(
        "(() => { const s = document.querySelector('[aria-label=Recording]'); s.value = "
            + option
            + ".value; s.dispatchEvent(new Event('change')); })()");
  }

  /** Shows the recording with which numbers are compared. */
  private static void openRecording() throws Exception {
    choose("a.rec");
    browser.await("document.querySelector('#main').innerText.includes('a.png')");
    browser.await("document.querySelector('.stage')?.dataset.station === '0'");
    browser.await("document.getElementById('problem').textContent === ''");
  }

  private static void station(int number) throws Exception {
    browser.await("document.querySelector('.stage').dataset.station === '" + number + "'");
  }

  /** The numbers of the page at this station, each compared with the recording. */
  private static int requireRecorded() throws Exception {
    JsonNode shown =
        browser.run(
            "[...document.querySelectorAll('.formula')].map(f => ({tensor: f.dataset.tensor,"
                + " element: f.dataset.element, recorded:"
                + " f.querySelector('.recorded').textContent.replaceAll('−', '-')}))");
    for (JsonNode number : shown) {
      String tensor = number.get("tensor").asText();
      double expected =
          tensor.equals("loss")
              ? recording.facts().loss()
              : value(tensor, number.get("element").asText());
      double printed = Double.parseDouble(number.get("recorded").asText());
      if (tensor.equals("loss")) {
        assertThat((float) printed).isEqualTo((float) expected);
      } else {
        assertThat((float) printed).as("%s", number).isEqualTo((float) expected);
      }
    }
    return shown.size();
  }

  private static float value(String tensor, String element) {
    List<Long> shape = recording.shape(tensor);
    String[] at = element.split(",", -1);
    assertThat(at).hasSize(shape.size());
    int index = 0;
    for (int i = 0; i < at.length; i++) {
      index = index * shape.get(i).intValue() + Integer.parseInt(at[i]);
    }
    return recording.values(tensor)[index];
  }

  @Test
  void stepsForwardAndBackWithTheNumbersOfTheRecording() throws Exception {
    browser.press("Home");
    station(0);
    int stations = browser.run("+document.querySelector('input[type=range]').max").asInt() + 1;
    int nodes = recording.graph().nodes().size();
    assertThat(stations).isEqualTo(nodes + 1 + (nodes - 1) + 1);
    int numbers = 0;
    for (int i = 0; i < stations; i++) {
      station(i);
      numbers += requireRecorded();
      browser.press("ArrowRight");
    }
    assertThat(numbers).isGreaterThan(2 * nodes + 60);
    station(stations - 1);
    assertThat(browser.run("document.querySelector('.stage').dataset.phase").asText())
        .isEqualTo("update");
    assertThat(browser.run("document.querySelector('.formula').innerText").asText())
        .contains("bias correction of v")
        .contains("m recorded");
    browser.press("ArrowLeft");
    station(stations - 2);
    assertThat(browser.run("document.querySelector('.stage').dataset.phase").asText())
        .isEqualTo("backward");
    requireRecorded();
    browser.press("End");
    station(stations - 1);
    browser.press("Home");
    station(0);
    browser.press(" ");
    browser.await("+document.querySelector('.stage').dataset.station >= 2");
    browser.press(" ");
    assertThat(browser.run("document.querySelector('[aria-pressed]').textContent").asText())
        .isEqualTo("Play");
    browser.run(
        "const r = document.querySelector('input[type=range]'); r.value = 30;"
            + " r.dispatchEvent(new Event('input'))");
    station(30);
  }

  private static void node(String phase, String name) throws Exception {
    browser.run(
        "(() => { const s = document.querySelector('[aria-label=\"Go to\"]'); const o ="
            + " [...s.options].find(o => o.textContent.endsWith(' "
            + phase
            + " "
            + name
            + "')); s.value = o.value; s.dispatchEvent(new Event('change')); })()");
    browser.await(
        "document.querySelector('.stage').dataset.node === '"
            + name
            + "' && document.querySelector('.stage').dataset.phase === '"
            + phase
            + "'");
  }

  @Test
  void showsWindowNormAdditionAndHowTheGradientSplits() throws Exception {
    node("forward", "layer1.0.conv1");
    assertThat(browser.run("document.querySelectorAll('.grid').length").asInt()).isEqualTo(3);
    assertThat(browser.run("document.querySelector('pre mark').textContent").asText())
        .contains("sum += x.get(from + j) * w[filter + j];");
    node("forward", "layer1.0.bn1");
    assertThat(browser.run("document.querySelector('.formula').innerText").asText())
        .contains("mean of the batch")
        .contains("var of the batch");
    node("forward", "layer1.0.add");
    assertThat(browser.run("document.querySelectorAll('.stage canvas').length").asInt())
        .isEqualTo(3);
    node("backward", "layer1.0.add");
    assertThat(browser.run("document.querySelector('.split').textContent").asText())
        .contains("goes both ways");
    assertThat(browser.run("document.querySelectorAll('.formula').length").asInt()).isEqualTo(2);
    // What arrives at the entry of the block comes through the branch and through the shortcut.
    assertThat(browser.run("document.querySelectorAll('.formula')[1].innerText").asText())
        .contains("through layer1.0.add")
        .contains("through layer1.0.conv1");
    browser.requireAccessible();
  }

  @Test
  void aClickChoosesTheNumber() throws Exception {
    node("forward", "layer2.0.relu1");
    browser.run(
        "(() => { const c = [...document.querySelectorAll('.stage canvas')].at(-1); const b ="
            + " c.getBoundingClientRect(); c.dispatchEvent(new MouseEvent('click', {clientX: b.left"
            + " + b.width * 0.99 / 8, clientY: b.top + b.height * 0.05})); })()");
    browser.await("document.querySelector('.formula').dataset.element === '0,0,7,0'");
    requireRecorded();
    browser.run(
        "(() => { const i = document.querySelector('[aria-label=Channel]'); i.value = 5;"
            + " i.dispatchEvent(new Event('change')); })()");
    browser.await("document.querySelector('.formula').dataset.element === '0,0,7,5'");
    requireRecorded();
    node("backward", "layer2.0.conv1");
    browser.run(
        "(() => { const i = document.querySelector('.formula input'); i.value = '3, 2,0,1';"
            + " i.dispatchEvent(new Event('change')); })()");
    browser.await(
        "[...document.querySelectorAll('.formula')].some(f => f.dataset.element === '3,2,0,1')");
    requireRecorded();
  }

  @Test
  void recordsAStepWithAnImageOfTheUser() throws Exception {
    browser.await("document.querySelectorAll('[aria-label=\"Training image\"] option').length > 5");
    Path image = folder.resolve("a'\"><script>.png");
    Files.copy(studio.data.resolve("plain").resolve("3.png"), image);
    browser.choose("[aria-label=\"Image of your own\"]", image);
    browser.await(
        "document.querySelector('.maker [role=status]').textContent.startsWith('Recorded a step')");
    browser.await("document.querySelector('.stage')?.dataset.station === '0'");
    assertThat(browser.run("document.querySelector('#main').innerText").asText())
        .contains("training step")
        .contains("a____script_.png");
    browser.run("document.querySelector('.maker button').click()");
    browser.await("document.querySelectorAll('[aria-label=Recording] option').length === 3");
    made =
        Path.of(
            browser
                .run("document.querySelector('[aria-label=Recording]').options[1].value")
                .asText());
    assertThat(made).hasFileName("step-1.rec").exists();
    openRecording();
  }

  /** Without the studio: the file alone steps through all stations, with the same numbers. */
  @Test
  void aSavedWalkIsOneFileThatNeedsNoServer() throws Exception {
    HttpResponse<String> saved = ask("/api/save", "&image=1&y=0.3&x=0.6&channel=2");
    assertThat(saved.statusCode()).isEqualTo(200);
    assertThat(saved.body()).doesNotContain("src=\"/").doesNotContain("href=\"/");
    Path file = folder.resolve("walk.html");
    Files.writeString(file, saved.body());
    try {
      browser.open(file.toUri().toString());
      browser.await("document.querySelector('.stage')?.dataset.station === '0'");
      int stations = browser.run("+document.querySelector('input[type=range]').max").asInt() + 1;
      assertThat(browser.run("document.querySelector('#main p').textContent").asText())
          .startsWith(stations + " stations with ");
      int numbers = 0;
      for (int i = 0; i < stations; i += 3) {
        browser.run(
            "(() => { const r = document.querySelector('input[type=range]'); r.value = "
                + i
                + "; r.dispatchEvent(new Event('input')); })()");
        station(i);
        numbers += requireRecorded();
      }
      assertThat(numbers).isGreaterThan(stations / 3);
      browser.press("End");
      station(stations - 1);
      browser.press("ArrowLeft");
      station(stations - 2);
      assertThat(browser.run("document.querySelectorAll('.stage canvas').length").asInt())
          .isPositive();
      browser.requireAccessible();
    } finally {
      browser.open("http://127.0.0.1:" + studio.port() + "/#walk");
      openRecording();
    }
  }

  private static HttpResponse<String> ask(String path, String query) throws Exception {
    String name =
        URLEncoder.encode(studio.runs.resolve("a.rec").toString(), StandardCharsets.UTF_8);
    return studio.get(path + "?recording=" + name + query);
  }

  @Test
  void saysWhatIsWrong() throws Exception {
    String place = "&image=0&y=0.5&x=0.5&channel=0";
    assertThat(ask("/api/trace", "&step=999&trace=0" + place).body())
        .contains("stations, there is no 999");
    assertThat(ask("/api/trace", "&step=1&trace=3" + place).body()).contains("has no number 3");
    assertThat(ask("/api/trace", "&step=1&trace=0&element=0,99,0,0" + place).body())
        .contains("there is no element [0, 99, 0, 0]");
    assertThat(ask("/api/trace", "&step=1&trace=0&image=0&y=2&x=0&channel=0").body())
        .contains("'y' must be between 0 and 1");
    assertThat(ask("/api/map", "&tensor=output/conv9&image=0&first=0&count=1").body())
        .contains("no tensor 'output/conv9'; near are output/conv1");
    assertThat(ask("/api/map", "&tensor=output/conv1&image=7&first=0&count=1").body())
        .contains("has 2 images and 4 channels");
    assertThat(studio.get("/api/walk?recording=/etc/passwd").statusCode()).isEqualTo(404);
    for (String file : List.of("../Backend.java", "ConvOp.class", "Nothing.java")) {
      assertThat(studio.get("/api/source?file=" + file).statusCode()).isEqualTo(404);
    }
    assertThat(studio.post("/api/record-sample?run=r1&sample=99").statusCode()).isEqualTo(404);
  }

  @Test
  void aTruncatedRecordingIsRefused() throws Exception {
    Path cut = studio.runs.resolve("cut.rec");
    byte[] bytes = Files.readAllBytes(studio.runs.resolve("a.rec"));
    Files.write(cut, java.util.Arrays.copyOf(bytes, bytes.length - 1000));
    try {
      HttpResponse<String> refused =
          studio.get(
              "/api/walk?recording=" + URLEncoder.encode(cut.toString(), StandardCharsets.UTF_8));
      assertThat(refused.statusCode()).isEqualTo(422);
      assertThat(refused.body()).contains("cut.rec");
      browser.page("runs");
      browser.page("walk");
      choose("cut.rec");
      browser.await("document.querySelector('#problem').textContent.includes('cut.rec')");
      openRecording();
      browser.forgive("422");
      StudioOptions options = new StudioOptions(cut, 0, () -> null, StudioFixture::jresnet);
      assertThatThrownBy(() -> Studio.start(options))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("cut.rec");
    } finally {
      Files.delete(cut);
    }
  }
}
