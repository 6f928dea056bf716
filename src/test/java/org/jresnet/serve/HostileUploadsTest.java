package org.jresnet.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import org.jresnet.base.Text;
import org.jresnet.serve.TestServer.Answer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests that are too large, malformed, or hold the wrong thing. */
final class HostileUploadsTest extends HostileClients {
  /** It is refused by its head: nothing of a gigabyte is read. */
  @Test
  void aBodyThatIsTooLargeIsRefused() throws Exception {
    start();
    String answer = server.raw(head("Content-Length: 1073741824"), new byte[0]);
    assertThat(answer)
        .startsWith("HTTP/1.1 413")
        .contains("may have 1000000 bytes, found 1073741824");
    Answer counted = server.predict(new byte[1_000_001]);
    assertThat(counted.status()).isEqualTo(413);
    byte[] chunk = new byte[64 << 10];
    ByteArrayOutputStream chunks = new ByteArrayOutputStream();
    for (int i = 0; i < 16; i++) {
      chunks.writeBytes("10000\r\n".getBytes(StandardCharsets.US_ASCII));
      chunks.writeBytes(chunk);
      chunks.writeBytes("\r\n".getBytes(StandardCharsets.US_ASCII));
    }
    try (Socket socket = server.connect()) {
      socket
          .getOutputStream()
          .write(head("Transfer-Encoding: chunked").getBytes(StandardCharsets.US_ASCII));
      socket.getOutputStream().write(chunks.toByteArray());
      byte[] start = socket.getInputStream().readNBytes(12);
      assertThat(new String(start, StandardCharsets.US_ASCII)).isEqualTo("HTTP/1.1 413");
    }
    assertThat(gauge("jresnet_upload_bytes")).isZero();
    requireAlive();
  }

  @Test
  void aChunkedBodyAndOneThatWaitsForPermissionAreTaken() throws Exception {
    start();
    HttpRequest.Builder chunked =
        server
            .request("/v1/predict")
            .header("Content-Type", "application/octet-stream")
            .POST(HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(image)));
    assertThat(server.send(chunked).status()).isEqualTo(200);
    assertThat(server.send(server.image("", image).expectContinue(true)).status()).isEqualTo(200);
  }

  private Answer form(String type, byte[] body) throws Exception {
    return server.send(
        server
            .request("/v1/predict")
            .header("Content-Type", type)
            .POST(HttpRequest.BodyPublishers.ofByteArray(body)));
  }

  @Test
  void malformedFormsAreRefused() throws Exception {
    start();
    byte[] good = TestServer.form("xyz", Map.of("a.png", image));
    String type = "multipart/form-data; boundary=xyz";
    assertThat(form(type, good).status()).isEqualTo(200);
    byte[] cut = Arrays.copyOf(good, good.length / 2);
    List<Answer> refused = new ArrayList<>();
    refused.add(form(type, cut));
    refused.add(form("multipart/form-data", good));
    refused.add(form("multipart/form-data; boundary=other", good));
    refused.add(form("multipart/form-data; boundary=" + "x".repeat(71), good));
    refused.add(form(type, new byte[0]));
    refused.add(form(type, "--xyz--\r\n".getBytes(StandardCharsets.US_ASCII)));
    refused.add(form(type, "--xyz\r\n\r\nx\r\n--xyz--\r\n".getBytes(StandardCharsets.US_ASCII)));
    refused.add(
        form(type, "--xyz\r\nno head at all\r\n--xyz--\r\n".getBytes(StandardCharsets.US_ASCII)));
    refused.add(
        form(
            type,
            "--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nx\r\n--xyz--\r\n"
                .getBytes(StandardCharsets.US_ASCII)));
    for (Answer answer : refused) {
      assertThat(answer.status()).as(answer.body()).isEqualTo(400);
      assertThat(answer.detail()).contains("form");
    }
    requireAlive();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"../../../etc/passwd", "..\\..\\boot.ini", "/dev/zero", "a\u202egnp.exe", "x"})
  void namesOfFilesAreShownAndNothingElse(String name) throws Exception {
    start();
    Answer answer = server.send(server.form(Map.of(name, image)));
    assertThat(answer.status()).as(answer.body()).isEqualTo(200);
    String shown = answer.json().at("/images/0/file").asText();
    assertThat(shown).isEqualTo(Text.visible(name));
    String longName = "n".repeat(5000);
    Answer other = server.send(server.form(Map.of(longName, image)));
    assertThat(other.json().at("/images/0/file").asText()).hasSize(255);
  }

  @Test
  void whatIsNoImageOrOneToExhaustMemoryIsRefused() throws Exception {
    start();
    Answer text = server.predict("hello".getBytes(StandardCharsets.US_ASCII));
    assertThat(text.status()).isEqualTo(422);
    assertThat(text.detail()).startsWith("the image: ");
    Answer bomb = server.predict(pngHead(60_000, 60_000));
    assertThat(bomb.status()).isEqualTo(422);
    assertThat(bomb.detail()).contains("has 60000x60000 pixels");
    Answer cut = server.predict(Arrays.copyOf(image, image.length / 2));
    assertThat(cut.status()).isEqualTo(422);
    assertThat(gauge("jresnet_queue_images")).isZero();
    assertThat(server.get("/metrics").body())
        .contains("jresnet_images_total{model=\"m\",result=\"bad\"} 3.0");
    requireAlive();
  }

  /** A valid signature and head, and a compressed row or two. */
  private byte[] pngHead(int width, int height) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    DataOutputStream data = new DataOutputStream(head);
    data.writeBytes("IHDR");
    data.writeInt(width);
    data.writeInt(height);
    data.write(new byte[] {8, 2, 0, 0, 0});
    CRC32 crc = new CRC32();
    crc.update(head.toByteArray());
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    DataOutputStream file = new DataOutputStream(out);
    file.writeLong(0x89504E470D0A1A0AL);
    file.writeInt(13);
    file.write(head.toByteArray());
    file.writeInt((int) crc.getValue());
    file.write(image, 33, image.length - 33);
    return out.toByteArray();
  }

  @ParameterizedTest
  @ValueSource(strings = {"Content-Length: abc", "Content-Length: -5"})
  void brokenLengthsAreRefused(String header) throws Exception {
    start();
    assertThat(server.raw(head(header), new byte[0])).startsWith("HTTP/1.1 400");
    requireAlive();
  }

  @Test
  void anUnknownTransferEncodingEndsTheConnection() throws Exception {
    start();
    assertThat(server.raw(head("Transfer-Encoding: nonsense"), new byte[0])).isEmpty();
    requireAlive();
  }

  @Test
  void anEndlessHeadIsRefused() throws Exception {
    start();
    try (Socket socket = server.connect()) {
      byte[] line = ("X-Header: " + "y".repeat(1000) + "\r\n").getBytes(StandardCharsets.US_ASCII);
      socket
          .getOutputStream()
          .write("GET / HTTP/1.1\r\nHost: localhost\r\n".getBytes(StandardCharsets.US_ASCII));
      int sent = 0;
      try {
        for (; sent < 10_000; sent++) {
          socket.getOutputStream().write(line);
        }
      } catch (SocketException e) {
        // Closed, as it should be.
      }
      assertThat(sent).isLessThan(10_000);
    }
    requireAlive();
  }
}
