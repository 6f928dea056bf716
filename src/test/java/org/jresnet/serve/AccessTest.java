package org.jresnet.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.jresnet.testing.SmallModel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who is let in. */
@Timeout(60)
final class AccessTest {
  private static final String TOKEN = "0123456789abcdef";

  @TempDir static Path folder;
  private static Path model;

  private TestServer server;

  @BeforeAll
  static void prepare() {
    model = SmallModel.write(folder.resolve("m.safetensors"), 16, 1);
  }

  private void start(Optional<String> token, String... hosts) {
    server =
        new TestServer(
            TestServer.with(TestServer.options(), new ServerOptions.Access(token, Set.of(hosts))),
            TestServer.source("m", model));
  }

  @AfterEach
  void end() {
    server.close();
  }

  private int status(String path, String authorization) throws Exception {
    return server.send(server.request(path).header("Authorization", authorization)).status();
  }

  @Test
  void theTokenIsAskedForWhereModelsAre() throws Exception {
    start(Optional.of(TOKEN));
    for (String path : new String[] {"/v1/model", "/metrics"}) {
      TestServer.Answer none = server.get(path);
      assertThat(none.status()).as(path).isEqualTo(401);
      assertThat(none.response().headers().firstValue("WWW-Authenticate")).contains("Bearer");
      assertThat(none.body()).doesNotContain(TOKEN);
      assertThat(status(path, "Bearer " + TOKEN)).isEqualTo(200);
      assertThat(status(path, "bearer  " + TOKEN + " ")).isEqualTo(200);
      for (String wrong :
          new String[] {
            "Bearer " + TOKEN + "0",
            "Bearer " + TOKEN.substring(1),
            "Bearer ",
            TOKEN,
            "Basic " + TOKEN
          }) {
        assertThat(status(path, wrong)).as("%s with %s", path, wrong).isEqualTo(401);
      }
    }
    assertThat(server.predict(new byte[10]).status()).isEqualTo(401);
    assertThat(server.get("/healthz").status()).isEqualTo(200);
    assertThat(server.get("/readyz").status()).isEqualTo(200);
  }

  private String ask(String... headers) throws Exception {
    String answer =
        server.raw(
            "GET /healthz HTTP/1.1\r\nConnection: close\r\n"
                + String.join("\r\n", headers)
                + "\r\n\r\n",
            new byte[0]);
    return answer.substring(9, 12);
  }

  @Test
  void onlyItsOwnNamesAreAnsweredOnLoopback() throws Exception {
    start(Optional.empty());
    assertThat(ask("Host: localhost")).isEqualTo("200");
    assertThat(ask("Host: LOCALHOST:" + server.server.port())).isEqualTo("200");
    assertThat(ask("Host: [::1]:80")).isEqualTo("200");
    assertThat(ask("Host: 127.0.0.1")).isEqualTo("200");
    assertThat(ask("Host: rebound.example")).isEqualTo("421");
    assertThat(ask("Host: localhost.rebound.example:8080")).isEqualTo("421");
    assertThat(ask("Host: ")).isEqualTo("421");
    assertThat(ask("Host: localhost", "Host: rebound.example")).isEqualTo("400");
    assertThat(ask("X: y")).isEqualTo("400");
  }

  @Test
  void pagesOfOthersAreRefused() throws Exception {
    start(Optional.empty(), "faces.example");
    assertThat(ask("Host: localhost:8080", "Origin: http://localhost:8080")).isEqualTo("200");
    assertThat(ask("Host: localhost:8080", "Origin: http://localhost:3000")).isEqualTo("403");
    assertThat(ask("Host: localhost:8080", "Origin: http://other.example")).isEqualTo("403");
    assertThat(ask("Host: localhost:8080", "Origin: null")).isEqualTo("403");
    assertThat(ask("Host: faces.example", "Origin: https://faces.example")).isEqualTo("200");
    assertThat(ask("Host: localhost:8080", "Origin: https://faces.example")).isEqualTo("200");
  }
}
