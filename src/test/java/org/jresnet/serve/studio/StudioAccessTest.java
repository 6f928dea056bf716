package org.jresnet.serve.studio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jresnet.backend.Precision;
import org.jresnet.base.UserError;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Who gets in, and what the studio says to requests that it cannot answer. */
@Timeout(120)
final class StudioAccessTest {
  @TempDir static Path folder;
  private static StudioFixture studio;

  @BeforeAll
  static void start() throws IOException {
    studio = new StudioFixture(folder);
    studio.train("r1", 1);
    studio.open(studio.runs);
  }

  @AfterAll
  static void end() {
    studio.close();
  }

  @Test
  void itListensOnTheLoopbackInterfaceWithANewTokenEachTime() {
    assertThat(studio.address()).matches("http://127\\.0\\.0\\.1:\\d+/\\?token=[0-9a-f]{48}");
    StudioOptions options =
        new StudioOptions(
            studio.runs,
            0,
            () -> Compute.open(BackendKind.CPU, Precision.FP32),
            StudioFixture::jresnet);
    try (Studio other = Studio.start(options)) {
      assertThat(other.address()).doesNotEndWith(studio.token());
    }
  }

  @Test
  void theTokenBecomesACookieThatScriptsAndOtherSitesDoNotGet() throws Exception {
    HttpResponse<String> page = studio.send(HttpRequest.newBuilder(URI.create(studio.address())));
    assertThat(page.statusCode()).isEqualTo(200);
    assertThat(page.headers().firstValue("Set-Cookie").orElseThrow())
        .contains("jresnet-studio-" + studio.port() + "=")
        .containsIgnoringCase("HttpOnly")
        .containsIgnoringCase("SameSite=Strict");
    assertThat(page.headers().firstValue("Content-Security-Policy").orElseThrow())
        .contains("default-src 'self'")
        .contains("frame-ancestors 'none'")
        .doesNotContain("unsafe");
    assertThat(studio.get("/api/runs").statusCode()).isEqualTo(200);
  }

  @ParameterizedTest
  @CsvSource({"/", "/app.js", "/api/runs", "/api/runs/events", "/nothing"})
  void withoutTheTokenNothingIsShown(String path) throws Exception {
    for (String given : List.of("", "?token=0123")) {
      HttpResponse<String> refused =
          studio.send(
              HttpRequest.newBuilder(
                  URI.create("http://127.0.0.1:" + studio.port() + path + given)));
      assertThat(refused.statusCode()).isEqualTo(401);
      assertThat(refused.body()).contains("jresnet studio");
    }
  }

  /** Another name for 127.0.0.1 (DNS rebinding), another origin, another site. */
  @ParameterizedTest
  @CsvSource({
    "Host, evil.example, 421",
    "Origin, http://evil.example, 403",
    "Origin, null, 403",
    "Sec-Fetch-Site, cross-site, 403"
  })
  void otherOriginsAndHostsAreRefused(String header, String value, int status) throws Exception {
    String host = header.equals("Host") ? value : "127.0.0.1:" + studio.port();
    String extra = header.equals("Host") ? "" : header + ": " + value + "\r\n";
    String head =
        "POST /api/resume?run=r1 HTTP/1.1\r\nHost: "
            + host
            + "\r\n"
            + extra
            + "Cookie: jresnet-studio-"
            + studio.port()
            + "="
            + studio.token()
            + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    try (Socket socket = new Socket("127.0.0.1", studio.port())) {
      socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
      String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(answer).startsWith("HTTP/1.1 " + status);
    }
    assertThat(studio.runs.resolve("r1").resolve(".studio-train.log")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource({
    "/api/network, 400, lacks the parameter 'run'",
    "/api/network?run=r2, 404, there are: r1",
    "/api/network?run=../data, 404, there is no run '../data'",
    "/api/histogram?run=r1&parameter=conv9, 404, no parameter 'conv9'",
    "/api/stop?run=r1, 405, takes POST",
    "/api/thumbnail?run=r1&file=test.json&number=x, 400, must be a whole number",
    "/api/thumbnail?run=r1&file=../run.json&number=0, 404, no such evaluation",
    "/api/nothing, 404, there is no /api/nothing"
  })
  void saysWhatIsWrong(String path, int status, String detail) throws Exception {
    HttpResponse<String> refused = studio.get(path);
    assertThat(refused.statusCode()).isEqualTo(status);
    assertThat(refused.body()).contains(detail);
  }

  @Test
  void refusesToStopWhatDoesNotRun() throws Exception {
    HttpResponse<String> refused = studio.post("/api/stop?run=r1");
    assertThat(refused.statusCode()).isEqualTo(409);
    assertThat(refused.body()).contains("no training goes on");
  }

  @Test
  void twoStudiosCannotHaveOnePort() {
    StudioOptions options =
        new StudioOptions(studio.runs, studio.port(), () -> null, StudioFixture::jresnet);
    assertThatThrownBy(() -> Studio.start(options))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("port " + studio.port())
        .hasMessageContaining("in use");
  }

  @Test
  void aFolderThatIsNotThereIsSaidBefore() {
    StudioOptions options =
        new StudioOptions(folder.resolve("nowhere"), 0, () -> null, StudioFixture::jresnet);
    assertThatThrownBy(() -> Studio.start(options))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("nowhere is not there");
  }

  @Test
  void tenBrowsersAtOnceAreAnswered() throws Exception {
    List<CompletableFuture<HttpResponse<String>>> asked = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      asked.add(
          studio.client.sendAsync(
              studio.request("/api/filters?run=r1").build(), HttpResponse.BodyHandlers.ofString()));
    }
    for (CompletableFuture<HttpResponse<String>> answer : asked) {
      assertThat(answer.get().statusCode()).isEqualTo(200);
    }
  }

  /** Whatever is wrong with one run is said in its line; the others are shown. */
  @Test
  void aBrokenRunAndOneThatVanishesAreLines() throws Exception {
    Path broken = studio.runs.resolve("broken");
    Files.createDirectories(broken);
    Files.writeString(broken.resolve("run.json"), "{");
    try {
      assertThat(studio.get("/api/runs").body())
          .contains("\"id\":\"broken\",\"state\":\"unreadable\"")
          .contains("\"id\":\"r1\"")
          .contains("\"state\":\"finished\"");
    } finally {
      Files.delete(broken.resolve("run.json"));
    }
    assertThat(studio.get("/api/runs").body()).doesNotContain("broken");
    assertThat(studio.get("/api/network?run=broken").statusCode()).isEqualTo(404);
    assertThat(Optional.of(studio.get("/api/evaluations?run=r1").body())).contains("[]");
  }
}
