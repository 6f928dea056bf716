package org.jresnet.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jresnet.serve.TestServer.Answer;
import org.junit.jupiter.api.Test;

/** More images than may wait. */
final class FullQueueTest extends HostileClients {
  @Test
  void aFullQueueSaysWhenToComeBack() throws Exception {
    start(patient(2));
    var first = server.predictLater(image);
    var second = server.predictLater(image);
    await("two images wait", () -> gauge("jresnet_queue_images") == 2);
    Answer third = server.predict(image);
    assertThat(third.status()).isEqualTo(429);
    assertThat(third.response().headers().firstValueAsLong("Retry-After").orElseThrow())
        .isPositive();
    assertThat(third.detail()).contains("as many images wait for 'm' as may (2)");
    assertThat(first.get().statusCode()).isEqualTo(200);
    assertThat(second.get().statusCode()).isEqualTo(200);
    requireAlive();
  }

  @Test
  void moreImagesThanTheQueueHoldsAreTooMany() throws Exception {
    start(TestServer.options(new ServerOptions.Batching(4, Duration.ZERO, 3)));
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (int i = 0; i < 4; i++) {
      files.put(i + ".png", image);
    }
    Answer answer = server.send(server.form(files));
    assertThat(answer.status()).isEqualTo(413);
    assertThat(answer.detail()).contains("may hold 3 images");
    requireAlive();
  }
}
