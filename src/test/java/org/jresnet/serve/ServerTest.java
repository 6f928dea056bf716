package org.jresnet.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.jresnet.backend.Precision;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.engine.BackendKind;
import org.jresnet.serve.TestServer.Answer;
import org.jresnet.train.Classifier;
import org.jresnet.train.HeatMap;
import org.jresnet.train.Prediction;
import org.jresnet.train.Training;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What every address answers, on a calibrated run. */
@Timeout(120)
final class ServerTest {
  private static final int SIZE = 32;

  @TempDir static Path folder;
  private static Path run;
  private static List<Path> images;
  private static TestServer server;

  @BeforeAll
  static void start() throws Exception {
    Path faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(20, SIZE, 3), done -> {});
    run = folder.resolve("run");
    Training.on(faces)
        .architecture("resnet18")
        .width(8)
        .size(SIZE)
        .epochs(1)
        .batch(8)
        .backend(BackendKind.CPU)
        .precision(Precision.FP32)
        .run(run);
    try (Stream<Path> files = Files.list(faces.resolve(DrawnFaces.GENERATED))) {
      images = files.sorted().toList();
    }
    server =
        new TestServer(
            TestServer.options(),
            TestServer.source("first", run, "eer"),
            TestServer.source("second", run));
  }

  @AfterAll
  static void end() {
    server.close();
  }

  private static Prediction expected(Path image) throws Exception {
    try (Classifier classifier = Classifier.open(run, BackendKind.CPU, Precision.FP32)) {
      return classifier.predict(image);
    }
  }

  @Test
  void oneImageHasTheAnswerOfPredictToTheBit() throws Exception {
    Prediction p = expected(images.get(0));
    Answer answer = server.predict(Files.readAllBytes(images.get(0)));
    assertThat(answer.status()).as(answer.body()).isEqualTo(200);
    JsonNode json = answer.json();
    assertThat(json.get("model").asText()).isEqualTo("first");
    assertThat(json.get("version").asText()).hasSize(64);
    assertThat(json.get("images")).hasSize(1);
    JsonNode image = json.at("/images/0");
    for (String name : p.classes()) {
      assertThat(image.get("probabilities").get(name).asDouble()).isEqualTo(p.probability(name));
    }
    assertThat(image.get("calibrated").asBoolean()).isTrue();
    assertThat(image.get("operating_point").asText()).isEqualTo("eer");
    assertThat(image.get("class").asText())
        .isEqualTo(p.label(p.calibration().orElseThrow().point("eer")));
    assertThat(image.get("batch").asInt()).isOne();
    for (String phase : List.of("decode", "wait", "pass")) {
      assertThat(image.at("/timings_ms/" + phase).asDouble()).isPositive();
    }
    assertThat(json.at("/timings_ms/total").asDouble())
        .isGreaterThan(image.at("/timings_ms/pass").asDouble());
    assertThat(answer.response().headers().firstValue("X-Content-Type-Options"))
        .contains("nosniff");
  }

  @Test
  void severalImagesComeBackInOrder() throws Exception {
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (Path image : images.subList(0, 6)) {
      files.put(image.getFileName().toString(), Files.readAllBytes(image));
    }
    files.put("no image", "hello".getBytes(java.nio.charset.StandardCharsets.UTF_8));
    Answer answer = server.send(server.form(files));
    assertThat(answer.status()).as(answer.body()).isEqualTo(200);
    JsonNode found = answer.json().get("images");
    assertThat(found).hasSize(7);
    for (int i = 0; i < 6; i++) {
      assertThat(found.get(i).get("file").asText())
          .isEqualTo(images.get(i).getFileName().toString());
      assertThat(found.at("/" + i + "/probabilities/generated").asDouble())
          .isCloseTo(expected(images.get(i)).probability("generated"), within(1e-5));
    }
    assertThat(found.get(6).get("error").asText()).startsWith("image 7: ");
    assertThat(found.get(6).has("class")).isFalse();
  }

  @Test
  void manyAtOnceAreComputedTogether() throws Exception {
    List<CompletableFuture<HttpResponse<String>>> all = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      all.add(server.predictLater(Files.readAllBytes(images.get(i))));
    }
    int largest = 0;
    for (int i = 0; i < 12; i++) {
      HttpResponse<String> response = all.get(i).get();
      assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
      JsonNode image = TestServer.JSON.readTree(response.body()).at("/images/0");
      assertThat(image.at("/probabilities/generated").asDouble())
          .isCloseTo(expected(images.get(i)).probability("generated"), within(1e-5));
      largest = Math.max(largest, image.get("batch").asInt());
    }
    assertThat(largest).isBetween(2, 4);
  }

  @Test
  void aHeatMapCoversTheImage() throws Exception {
    byte[] bytes = Files.readAllBytes(images.get(0));
    Answer answer = server.send(server.image("?heat_map=true&model=second", bytes));
    assertThat(answer.status()).as(answer.body()).isEqualTo(200);
    JsonNode image = answer.json().at("/images/0");
    JsonNode map = image.get("heat_map");
    assertThat(map.get("class").asText()).isEqualTo(image.get("class").asText());
    assertThat(map.get("values")).hasSize(map.get("rows").asInt() * map.get("columns").asInt());
    assertThat(map.get("box")).hasToString("[0.0,0.0,1.0,1.0]");
    double largest = 0;
    for (JsonNode value : map.get("values")) {
      assertThat(value.asDouble()).isBetween(0.0, 1.0);
      largest = Math.max(largest, value.asDouble());
    }
    assertThat(largest).isIn(0.0, 1.0);
    assertThat(server.predict(bytes).json().at("/images/0").has("heat_map")).isFalse();
  }

  @Test
  void aHeatMapIsThatOfTheClassifier() throws Exception {
    Path image = images.get(1);
    JsonNode found =
        server
            .send(server.image("?heat_map=true", Files.readAllBytes(image)))
            .json()
            .at("/images/0/heat_map");
    try (Classifier classifier = Classifier.open(run, BackendKind.CPU, Precision.FP32)) {
      HeatMap map = classifier.gradCam(ImageDecoder.decode(image), found.get("class").asText());
      assertThat(found.get("rows").asInt()).isEqualTo(map.height());
      assertThat(found.get("columns").asInt()).isEqualTo(map.width());
      float largest = map.largest();
      for (int i = 0; i < map.values().length; i++) {
        double share = largest == 0 ? 0 : map.values()[i] / largest;
        assertThat(found.at("/values/" + i).asDouble()).isCloseTo(share, within(5.1e-4));
      }
    }
  }

  /** What a request takes is Java's: after the first ones nothing native grows. */
  @Test
  void requestsTakeNoNativeMemory() throws Exception {
    byte[] bytes = Files.readAllBytes(images.get(0));
    long pointers = 0;
    long direct = 0;
    for (int i = 0; i < 60; i++) {
      assertThat(server.send(server.image("?heat_map=true", bytes)).status()).isEqualTo(200);
      assertThat(server.predict(bytes).status()).isEqualTo(200);
      if (i == 19) {
        pointers = Pointer.totalBytes();
        direct = directBytes();
        assertThat(pointers).isPositive();
      }
    }
    assertThat(Pointer.totalBytes()).isEqualTo(pointers);
    // But for the seed of a heat map's gradient: some bytes each, until the next collection.
    assertThat(directBytes() - direct).isLessThan(4000);
  }

  private static long directBytes() {
    return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
        .filter(pool -> pool.getName().equals("direct"))
        .mapToLong(BufferPoolMXBean::getMemoryUsed)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void modelsAreDescribedAndChosenByName() throws Exception {
    JsonNode first = server.get("/v1/model").json();
    assertThat(first.get("name").asText()).isEqualTo("first");
    assertThat(first.get("models")).hasToString("[\"first\",\"second\"]");
    assertThat(first.get("classes")).hasToString("[\"camera\",\"generated\"]");
    assertThat(first.get("architecture").asText()).isEqualTo("resnet18");
    assertThat(first.get("size").asInt()).isEqualTo(SIZE);
    assertThat(first.get("operating_point").asText()).isEqualTo("eer");
    assertThat(first.get("operating_points")).hasSize(3);
    assertThat(first.get("precision").asText()).isEqualTo("fp32");
    JsonNode second = server.get("/v1/model?model=second").json();
    assertThat(second.get("operating_point").asText()).isEqualTo("0.5");
    assertThat(second.get("version")).isEqualTo(first.get("version"));
    Answer none = server.get("/v1/model?model=third");
    assertThat(none.status()).isEqualTo(404);
    assertThat(none.detail()).contains("no model is named 'third'; there are [first, second]");
  }

  @Test
  void itSaysThatItIsAliveAndReady() throws Exception {
    assertThat(server.get("/healthz").json().get("status").asText()).isEqualTo("alive");
    Answer ready = server.get("/readyz");
    assertThat(ready.status()).isEqualTo(200);
    assertThat(ready.json().get("models")).hasSize(2);
  }

  @Test
  void metricsCountWhatHappened() throws Exception {
    server.predict(Files.readAllBytes(images.get(0)));
    server.get("/nowhere");
    Answer answer = server.get("/metrics");
    assertThat(answer.response().headers().firstValue("Content-Type").orElseThrow())
        .startsWith("text/plain; version=0.0.4");
    assertThat(answer.body())
        .containsPattern(
            "jresnet_request_seconds_count\\{path=\"/v1/predict\",status=\"200\"} [1-9]")
        .containsPattern("jresnet_request_seconds_count\\{path=\"other\",status=\"404\"} [1-9]")
        .containsPattern("jresnet_images_total\\{model=\"first\",result=\"predicted\"} [1-9]")
        .containsPattern("jresnet_batch_images_bucket\\{model=\"first\",le=\"1.0\"} [1-9]")
        .contains("jresnet_queue_images{model=\"second\"} 0.0")
        .contains("jresnet_upload_bytes")
        .doesNotContain("nowhere");
  }

  @Test
  void everyRequestIsALineOfTheLog() throws Exception {
    server.predict(Files.readAllBytes(images.get(0)));
    for (int i = 0; i < 1000 && server.log.stream().noneMatch(this::predicted); i++) {
      Thread.sleep(5);
    }
    Map<String, Object> line =
        server.log.stream().filter(this::predicted).findFirst().orElseThrow();
    assertThat(line)
        .containsEntry("client", "127.0.0.1")
        .containsEntry("method", "POST")
        .containsEntry("status", 200)
        .containsEntry("model", "first")
        .containsEntry("images", 1)
        .containsKeys("time", "ms", "response_bytes");
    assertThat((Long) line.get("request_bytes")).isPositive();
  }

  private boolean predicted(Map<String, Object> line) {
    return "/v1/predict".equals(line.get("path"))
        && Integer.valueOf(1).equals(line.get("images"))
        && Integer.valueOf(200).equals(line.get("status"));
  }

  @Test
  void wrongRequestsSayWhatWasExpected() throws Exception {
    Answer get = server.get("/v1/predict");
    assertThat(get.status()).isEqualTo(405);
    assertThat(get.response().headers().firstValue("Allow")).contains("POST");
    assertThat(get.response().headers().firstValue("Content-Type")).contains(Problem.TYPE);
    assertThat(server.get("/nowhere").detail()).contains("there is no /nowhere");
    byte[] bytes = Files.readAllBytes(images.get(0));
    assertThat(server.send(server.image("?model=x", bytes)).status()).isEqualTo(404);
    assertThat(server.send(server.image("?modell=first", bytes)).detail())
        .contains("found 'modell'");
    assertThat(server.send(server.image("?heat_map=maybe", bytes)).detail())
        .contains("heat_map is true or false, found 'maybe'");
    Answer text =
        server.send(
            server
                .request("/v1/predict")
                .header("Content-Type", "text/plain")
                .POST(HttpRequest.BodyPublishers.ofString("x")));
    assertThat(text.status()).isEqualTo(415);
    assertThat(text.detail()).contains("found Content-Type: text/plain");
    assertThat(server.predict(new byte[0]).detail()).contains("the body is empty");
  }

  @Test
  void whatCannotBeServedIsRefusedAtTheStart() {
    assertThatThrownBy(
            () -> new TestServer(TestServer.options(), TestServer.source("m", run, "fpr=0.3")))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("no operating point 'fpr=0.3'");
    ServerOptions taken =
        new ServerOptions(
            new ServerOptions.Address("127.0.0.1", server.server.port()),
            TestServer.options().batching(),
            TestServer.options().bounds(),
            new ServerOptions.Access(Optional.empty(), Set.of()));
    assertThatThrownBy(() -> new TestServer(taken, TestServer.source("m", run)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("port " + server.server.port() + " of 127.0.0.1")
        .hasMessageContaining("--port");
  }
}
