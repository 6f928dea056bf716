package org.jresnet.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jresnet.backend.Precision;
import org.jresnet.base.Png;
import org.jresnet.data.RgbImage;
import org.jresnet.engine.BackendKind;
import org.jresnet.serve.TestServer.Answer;
import org.jresnet.testing.SeededWeights;
import org.jresnet.testing.SmallModel;
import org.jresnet.train.Classifier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A model whose file changes is replaced while requests are answered. */
@Timeout(120)
final class ReloadTest {
  private static final int SIZE = 16;

  @TempDir Path folder;
  private Path served;
  private byte[] image;
  private RgbImage pixels;
  private TestServer server;

  @BeforeEach
  void start() throws Exception {
    served = SmallModel.write(folder.resolve("m.safetensors"), SIZE, 1);
    pixels = new RgbImage(SIZE, SIZE, new SeededWeights(2).pixels(1, SIZE, SIZE));
    image = Png.encode(pixels.toBuffered());
    server = new TestServer(TestServer.options(), TestServer.source("m", served));
  }

  @AfterEach
  void end() {
    server.close();
  }

  private double expected(Path model) {
    try (Classifier classifier = Classifier.open(model, BackendKind.CPU, Precision.FP32)) {
      return classifier.predict(pixels).probability("generated");
    }
  }

  private String version() throws Exception {
    return server.get("/v1/model").json().get("version").asText();
  }

  private void replaceBy(Path fresh) throws Exception {
    Files.move(fresh, served, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Every answer is one of the two models', and names the right one. */
  @Test
  void theOldOneServesUntilTheNewOneIsReady() throws Exception {
    String old = version();
    Path next = SmallModel.write(folder.resolve("next.safetensors"), SIZE, 7);
    double before = expected(served);
    double after = expected(next);
    assertThat(after).isNotEqualTo(before);
    replaceBy(next);
    Map<String, Integer> answers = new HashMap<>();
    for (int i = 0; i < 20_000 && answers.size() < 2; i++) {
      Answer answer = server.predict(image);
      assertThat(answer.status()).as(answer.body()).isEqualTo(200);
      JsonNode json = answer.json();
      double found = json.at("/images/0/probabilities/generated").asDouble();
      String version = json.get("version").asText();
      assertThat(found).isEqualTo(version.equals(old) ? before : after);
      answers.merge(version, 1, Integer::sum);
    }
    assertThat(answers).hasSize(2).containsKey(old);
    assertThat(version()).isNotEqualTo(old);
    assertThat(server.notes).anyMatch(note -> note.startsWith("m has changed: version"));
    assertThat(server.get("/metrics").body())
        .contains("jresnet_reloads_total{model=\"m\",result=\"served\"} 1.0");
  }

  @Test
  void anotherInputSizeIsNoProblemForImagesUnderWay() throws Exception {
    String old = version();
    AtomicBoolean over = new AtomicBoolean();
    Thread[] clients = new Thread[3];
    Map<Integer, String> failures = new java.util.concurrent.ConcurrentHashMap<>();
    for (int c = 0; c < clients.length; c++) {
      int id = c;
      clients[c] =
          new Thread(
              () -> {
                try {
                  while (!over.get()) {
                    Answer answer = server.predict(image);
                    if (answer.status() != 200) {
                      failures.put(id, answer.body());
                    }
                  }
                } catch (Exception e) {
                  failures.put(id, e.toString());
                }
              });
      clients[c].start();
    }
    replaceBy(SmallModel.write(folder.resolve("next.safetensors"), 2 * SIZE, 7));
    for (int i = 0; i < 4000 && version().equals(old); i++) {
      Thread.sleep(5);
    }
    over.set(true);
    for (Thread client : clients) {
      client.join();
    }
    assertThat(failures).isEmpty();
    assertThat(server.get("/v1/model").json().get("size").asInt()).isEqualTo(2 * SIZE);
    assertThat(server.predict(image).status()).isEqualTo(200);
  }

  @Test
  void aDamagedFileIsNotServed() throws Exception {
    String old = version();
    Path broken = folder.resolve("broken");
    byte[] bytes = Files.readAllBytes(served);
    Files.write(broken, java.util.Arrays.copyOf(bytes, bytes.length / 2));
    replaceBy(broken);
    for (int i = 0;
        i < 4000 && server.notes.stream().noneMatch(n -> n.contains("cannot be served"));
        i++) {
      Thread.sleep(5);
    }
    assertThat(server.notes)
        .anyMatch(
            n ->
                n.startsWith("m has changed, but cannot be served, so the version before stays: "));
    assertThat(version()).isEqualTo(old);
    assertThat(server.predict(image).status()).isEqualTo(200);
    Files.delete(served);
    assertThat(server.predict(image).status()).isEqualTo(200);
    replaceBy(SmallModel.write(folder.resolve("next.safetensors"), SIZE, 9));
    for (int i = 0; i < 4000 && version().equals(old); i++) {
      Thread.sleep(5);
    }
    assertThat(version()).isNotEqualTo(old);
  }
}
