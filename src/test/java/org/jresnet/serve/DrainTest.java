package org.jresnet.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jresnet.serve.TestServer.Answer;
import org.junit.jupiter.api.Test;

/** Requests that are under way when the server ends. */
final class DrainTest extends HostileClients {
  @Test
  void requestsUnderWayAreAnsweredBeforeTheEnd() throws Exception {
    start(patient(16));
    CompletableFuture<HttpResponse<String>> waiting = server.predictLater(image);
    await("an image waits", () -> gauge("jresnet_queue_images") == 1);
    CompletableFuture<Boolean> drained = CompletableFuture.supplyAsync(server.server::drain);
    await("it is not ready any more", () -> status("/readyz") == 503);
    assertThat(status("/healthz")).isEqualTo(200);
    Answer late = server.predict(image);
    assertThat(late.status()).isEqualTo(503);
    assertThat(late.response().headers().firstValue("Retry-After")).isPresent();
    assertThat(waiting.get().statusCode()).isEqualTo(200);
    assertThat(drained.get()).isTrue();
    assertThat(catchThrowable(() -> server.predict(image))).isInstanceOf(IOException.class);
  }

  /** What the drain does not wait for is given up, and said to be. */
  @Test
  void theEndDoesNotWaitForEver() throws Exception {
    ServerOptions o = patient(16);
    start(
        TestServer.with(
            o,
            new ServerOptions.Bounds(
                o.bounds().bytes(), 500, o.bounds().request(), Duration.ofMillis(50))));
    CompletableFuture<HttpResponse<String>> waiting = server.predictLater(image);
    await("an image waits", () -> gauge("jresnet_queue_images") == 1);
    assertThat(server.server.drain()).isFalse();
    assertThat(catchThrowable(waiting::get)).isNotNull();
  }
}
