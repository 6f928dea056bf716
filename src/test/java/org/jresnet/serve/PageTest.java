package org.jresnet.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jresnet.base.Png;
import org.jresnet.data.RgbImage;
import org.jresnet.serve.TestServer.Answer;
import org.jresnet.testing.Chromium;
import org.jresnet.testing.SeededWeights;
import org.jresnet.testing.SmallModel;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The page for people and the OpenAPI document. */
@Timeout(120)
final class PageTest {
  private static final int SIZE = 16;

  @TempDir static Path folder;
  private static Path photo;
  private static TestServer server;

  @BeforeAll
  static void start() {
    Path model = SmallModel.write(folder.resolve("m.safetensors"), SIZE, 1);
    photo = folder.resolve("photo.png");
    Png.write(new RgbImage(40, 20, new SeededWeights(2).pixels(1, 20, 40)).toBuffered(), photo);
    server =
        new TestServer(
            TestServer.with(
                TestServer.options(),
                new ServerOptions.Access(Optional.of("0123456789abcdef"), Set.of())),
            TestServer.source("m", model));
  }

  @AfterAll
  static void end() {
    server.close();
  }

  @Test
  void thePageAsksNobodyElse() throws Exception {
    Answer page = server.get("/");
    assertThat(page.status()).isEqualTo(200);
    HttpResponse<String> response = page.response();
    assertThat(response.headers().firstValue("Content-Security-Policy").orElseThrow())
        .contains("default-src 'none'")
        .contains("script-src 'self'")
        .doesNotContain("unsafe");
    Matcher names = Pattern.compile("(?:src|href)=\"([^\"]*)\"").matcher(page.body());
    int found = 0;
    while (names.find()) {
      String name = names.group(1);
      found++;
      if (name.startsWith("data:")) {
        continue;
      }
      assertThat(name).startsWith("/");
      assertThat(server.get(name).status()).as(name).isEqualTo(200);
    }
    assertThat(found).isEqualTo(3);
    for (String path : new String[] {"/", "/page.css", "/page.js"}) {
      assertThat(server.get(path).body()).doesNotContainPattern("https?://");
    }
  }

  /** Routes, statuses and fields of the document are those of the server. */
  @Test
  void theDocumentDescribesTheServer() throws Exception {
    JsonNode document = server.get("/openapi.json").json();
    assertThat(document.get("openapi").asText()).isEqualTo("3.1.0");
    Set<String> paths = new TreeSet<>();
    document.get("paths").fieldNames().forEachRemaining(paths::add);
    assertThat(paths)
        .containsExactly(
            "/healthz", "/metrics", "/openapi.json", "/readyz", "/v1/model", "/v1/predict");
    for (String path : paths) {
      JsonNode item = document.get("paths").get(path);
      String method = item.fieldNames().next();
      int status = server.get(path).status();
      boolean open = item.get(method).has("security");
      assertThat(status).as(path).isEqualTo(method.equals("post") ? 405 : open ? 200 : 401);
    }
    JsonNode model =
        TestServer.JSON.readTree(
            server
                .send(
                    server.request("/v1/model").header("Authorization", "Bearer 0123456789abcdef"))
                .body());
    requireFields(document, "Model", model);
    JsonNode answer =
        TestServer.JSON.readTree(
            server
                .send(
                    server
                        .image("?heat_map=true", java.nio.file.Files.readAllBytes(photo))
                        .header("Authorization", "Bearer 0123456789abcdef"))
                .body());
    requireFields(document, "Predictions", answer);
    requireFields(document, "Prediction", answer.at("/images/0"));
    requireFields(document, "HeatMap", answer.at("/images/0/heat_map"));
    requireFields(document, "Problem", server.get("/v1/model").json());
  }

  private static void requireFields(JsonNode document, String schema, JsonNode found) {
    JsonNode described = document.at("/components/schemas/" + schema);
    Set<String> names = new TreeSet<>();
    found.fieldNames().forEachRemaining(names::add);
    Set<String> known = new TreeSet<>();
    described.get("properties").fieldNames().forEachRemaining(known::add);
    assertThat(known).as(schema).containsAll(names);
    for (Iterator<JsonNode> required = described.get("required").elements(); required.hasNext(); ) {
      assertThat(names).as(schema).contains(required.next().asText());
    }
  }

  /** In a browser: the token, an image, the verdict, the map; and the policy is kept. */
  @Test
  void aPersonSeesAVerdictAndWhereItComesFrom() throws Exception {
    Optional<Chromium> started = Chromium.start(folder.resolve("profile"));
    assumeTrue(started.isPresent(), "no Chromium on the path");
    try (Chromium browser = started.get()) {
      browser.open("http://127.0.0.1:" + server.server.port() + "/");
      browser.await("document.getElementById('status').textContent.includes('token')");
      browser.run(
          "document.getElementById('token').value = '0123456789abcdef';"
              + "document.querySelector('#access button').click()");
      browser.await("document.getElementById('access').hidden");
      browser.choose("#file", photo);
      browser.await(
          "/^(camera|generated), [0-9.]+ %$/.test(document.getElementById('verdict').textContent)");
      browser.await("document.getElementById('legend').textContent.startsWith('(Grad-CAM')");
      assertThat(browser.run("document.querySelectorAll('#classes tr').length").asInt())
          .isEqualTo(2);
      assertThat(browser.run("document.getElementById('note').textContent").asText())
          .contains("uncalibrated");
      assertThat(browser.run("document.getElementById('map').hidden").asBoolean()).isFalse();
      JsonNode covered =
          browser.run(
              "(() => { const a = document.getElementById('map').getBoundingClientRect(),"
                  + " b = document.getElementById('image').getBoundingClientRect();"
                  + " return Math.max(Math.abs(a.left - b.left), Math.abs(a.top - b.top),"
                  + " Math.abs(a.width - b.width), Math.abs(a.height - b.height)); })()");
      assertThat(covered.asDouble()).isLessThan(1);
      browser.run("document.getElementById('shown').click()");
      assertThat(browser.run("document.getElementById('map').hidden").asBoolean()).isTrue();
      browser.choose("#file", folder.resolve("m.safetensors"));
      browser.await(
          "document.getElementById('status').textContent.startsWith('No verdict: the image: ')");
      assertThat(browser.complaints())
          .as("the console, but for the requests without a token and with no image")
          .allMatch(c -> c.contains("401") || c.contains("422"));
    }
  }
}
