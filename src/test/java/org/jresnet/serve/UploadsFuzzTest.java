package org.jresnet.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.undertow.server.DefaultByteBufferPool;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jresnet.testing.Bounded;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Forms: each is taken apart or refused, and no part is larger than the whole. */
class UploadsFuzzTest {
  private static final int MOST = 8;
  private static final Bounded.Limits LIMITS = new Bounded.Limits(0.5, 5, 4 << 20, 40);
  private static final DefaultByteBufferPool POOL = new DefaultByteBufferPool(false, 1024, 10, 0);

  static Stream<Arguments> seeds() {
    byte[] bytes = {0, 13, 10, 45, 45, 120, 13, 10};
    byte[] two = TestServer.form("b", new TreeMap<>(Map.of("a", bytes, "\"c\\", new byte[300])));
    return Stream.of(
            two,
            java.util.Arrays.copyOf(two, two.length - 3),
            "--b\r\nContent-Disposition: form-data; filename=\"x\"\r\nContent-Transfer-Encoding: base64\r\n\r\n/+8=\r\n--b--"
                .getBytes(StandardCharsets.US_ASCII),
            "--b\r\nContent-Disposition: form-data; filename*=UTF-8''%e2%82%ac\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E=\r\n--b--"
                .getBytes(StandardCharsets.US_ASCII),
            "preamble\r\n--b\r\n:\r\n\r\n--b--\r\n".getBytes(StandardCharsets.US_ASCII))
        .map(Arguments::of);
  }

  @MethodSource("seeds")
  @FuzzTest
  void takesApart(byte[] bytes) throws Exception {
    Bounded.run(
        LIMITS,
        bytes.length,
        () -> {
          try {
            List<Uploads.Upload> found =
                Uploads.of("multipart/form-data; boundary=b", ByteBuffer.wrap(bytes), MOST, POOL);
            assertThat(found).hasSizeBetween(1, MOST);
            assertThat(found.stream().mapToInt(u -> u.bytes().length).sum())
                .isLessThan(bytes.length);
          } catch (Problem e) {
            assertThat(e.status()).isIn(400, 413);
          }
          return null;
        });
  }
}
