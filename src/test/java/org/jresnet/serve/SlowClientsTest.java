package org.jresnet.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Clients that send too slowly, or go away. */
final class SlowClientsTest extends HostileClients {
  private static ServerOptions impatient() {
    ServerOptions o = TestServer.options();
    return TestServer.with(
        o,
        new ServerOptions.Bounds(
            o.bounds().bytes(),
            o.bounds().connections(),
            Duration.ofMillis(400),
            o.bounds().drain()));
  }

  /** Slow-loris: heads, and bodies, that never come to an end. */
  @Test
  void slowClientsAreCutOffAndOthersServed() throws Exception {
    start(impatient());
    List<Socket> slow = new ArrayList<>();
    try {
      for (int i = 0; i < 200; i++) {
        Socket socket = server.connect();
        String start = head("Content-Length: 1000");
        boolean body = i % 2 == 0;
        String sent = body ? start + "some" : start.substring(0, 40 + i % 10);
        socket.getOutputStream().write(sent.getBytes(StandardCharsets.US_ASCII));
        slow.add(socket);
      }
      requireAlive();
      for (Socket socket : slow) {
        assertThat(ended(socket)).as("cut off").isTrue();
      }
    } finally {
      for (Socket socket : slow) {
        socket.close();
      }
    }
    await("all uploads are forgotten", () -> gauge("jresnet_upload_bytes") == 0);
    await(
        "a hundred bodies were too slow",
        () -> {
          synchronized (server.log) {
            return server.log.stream()
                    .filter(l -> Integer.valueOf(408).equals(l.get("status")))
                    .count()
                == 100;
          }
        });
    requireAlive();
  }

  private static boolean ended(Socket socket) throws IOException {
    try {
      while (socket.getInputStream().read() >= 0) {
        // An answer may come first.
      }
      return true;
    } catch (SocketException e) {
      return true;
    }
  }

  /** A byte now and then does not prolong it. */
  @Test
  void aTrickleIsCutOff() throws Exception {
    start(impatient());
    try (Socket socket = server.connect()) {
      socket
          .getOutputStream()
          .write(head("Content-Length: 1000").getBytes(StandardCharsets.US_ASCII));
      CompletableFuture<Boolean> cut =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return ended(socket);
                } catch (IOException e) {
                  return false;
                }
              });
      int sent = 0;
      try {
        for (; sent < 1000 && !cut.isDone(); sent++) {
          socket.getOutputStream().write('x');
          socket.getOutputStream().flush();
          Thread.sleep(20);
        }
      } catch (SocketException e) {
        // That is what was waited for.
      }
      assertThat(sent).isLessThan(1000);
      assertThat(cut.get()).isTrue();
    }
  }

  @Test
  void clientsThatGoAwayLeaveNothingBehind() throws Exception {
    start(patient(16));
    for (int i = 0; i < 8; i++) {
      try (Socket half = server.connect();
          Socket whole = server.connect()) {
        half.getOutputStream()
            .write(head("Content-Length: 1000").getBytes(StandardCharsets.US_ASCII));
        half.getOutputStream().write(new byte[500]);
        whole
            .getOutputStream()
            .write(head("Content-Length: " + image.length).getBytes(StandardCharsets.US_ASCII));
        whole.getOutputStream().write(image);
        whole.getOutputStream().flush();
      }
    }
    await("nothing waits", () -> gauge("jresnet_queue_images") == 0);
    await("nothing is under way", () -> gauge("jresnet_requests") == 0);
    await("no upload is kept", () -> gauge("jresnet_upload_bytes") == 0);
    requireAlive();
  }
}
