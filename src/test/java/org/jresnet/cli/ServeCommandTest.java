package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jresnet.base.Png;
import org.jresnet.data.RgbImage;
import org.jresnet.testing.SeededWeights;
import org.jresnet.testing.SmallModel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The server as a process: what it prints, and how it ends. */
@Timeout(180)
final class ServeCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern ADDRESS =
      Pattern.compile("Serving on (http://127\\.0\\.0\\.1:\\d+);");

  @TempDir Path folder;
  private Path model;
  private Path photo;
  private Process process;
  private String address;

  @BeforeEach
  void draw() {
    model = SmallModel.write(folder.resolve("small.safetensors"), 16, 1);
    photo = folder.resolve("photo.png");
    Png.write(new RgbImage(20, 20, new SeededWeights(2).pixels(1, 20, 20)).toBuffered(), photo);
  }

  private void start(String... more) throws Exception {
    List<String> line =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                "org.jresnet.cli.Main",
                "serve",
                model.toString(),
                "--precision=fp32",
                "--backend=cpu"));
    line.addAll(List.of(more));
    if (List.of(more).stream().noneMatch(option -> option.startsWith("--port"))) {
      line.add("--port=0");
    }
    process =
        new ProcessBuilder(line)
            .redirectError(folder.resolve("err").toFile())
            .redirectOutput(folder.resolve("out").toFile())
            .start();
    Matcher found = ADDRESS.matcher("");
    while (!found.reset(text("err")).find()) {
      assertThat(process.isAlive()).as(text("err")).isTrue();
      Thread.sleep(10);
    }
    address = found.group(1);
  }

  private String text(String name) throws IOException {
    return Files.readString(folder.resolve(name), StandardCharsets.UTF_8);
  }

  private HttpRequest request() throws IOException {
    return HttpRequest.newBuilder(URI.create(address + "/v1/predict"))
        .header("Content-Type", "image/png")
        .POST(HttpRequest.BodyPublishers.ofFile(photo))
        .build();
  }

  private HttpResponse<String> predict() throws Exception {
    return HttpClient.newHttpClient().send(request(), HttpResponse.BodyHandlers.ofString());
  }

  private int end(String signal) throws Exception {
    new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ends after SIG" + signal).isTrue();
    return process.exitValue();
  }

  @AfterEach
  void kill() {
    process.destroyForcibly();
  }

  /** The image is under way when the signal comes, waiting for others. */
  @Test
  void aSignalEndsItAfterTheRequestsUnderWay() throws Exception {
    start("--max-delay=2s");
    CompletableFuture<HttpResponse<String>> waiting =
        HttpClient.newHttpClient().sendAsync(request(), HttpResponse.BodyHandlers.ofString());
    while (!HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(URI.create(address + "/metrics")).build(),
            HttpResponse.BodyHandlers.ofString())
        .body()
        .contains("jresnet_queue_images{model=\"small\"} 1.0")) {
      Thread.sleep(5);
    }
    assertThat(end("TERM")).isEqualTo(143);
    assertThat(waiting.get().statusCode()).isEqualTo(200);
    assertThat(text("err")).contains("Ended; nothing was lost");
    JsonNode line = null;
    for (String one : text("out").lines().toList()) {
      JsonNode json = JSON.readTree(one);
      line = json.get("path").asText().equals("/v1/predict") ? json : line;
    }
    assertThat(line).isNotNull();
    assertThat(line.get("status").asInt()).isEqualTo(200);
    assertThat(line.get("model").asText()).isEqualTo("small");
  }

  @Test
  void afterBeingKilledItStartsAgainAtOnce() throws Exception {
    start();
    String first = predict().body();
    int port = URI.create(address).getPort();
    end("KILL");
    start("--port=" + port);
    assertThat(URI.create(address).getPort()).isEqualTo(port);
    assertThat(JSON.readTree(predict().body()).at("/images/0/probabilities"))
        .isEqualTo(JSON.readTree(first).at("/images/0/probabilities"));
  }

  @Test
  void aTokenOfAFileIsAskedFor() throws Exception {
    Path token = folder.resolve("token");
    Files.writeString(token, "0123456789abcdef\n");
    start("--token=" + token);
    assertThat(predict().statusCode()).isEqualTo(401);
    end("TERM");
    Files.writeString(token, "short\n");
    Cli.Result refused = Cli.jresnet("serve", model, "--token=" + token);
    assertThat(refused.code()).isEqualTo(1);
    assertThat(refused.err()).contains("must have at least 16 characters").doesNotContain("short");
  }
}
