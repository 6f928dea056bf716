package org.jresnet.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsTest {
  @TempDir private Path folder;
  private Path file;

  @BeforeEach
  void file() {
    file = folder.resolve("w.safetensors");
  }

  private void write(long headerLength, byte[] header, int dataBytes) throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + header.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    Files.write(file, bytes.putLong(headerLength).put(header).array());
  }

  private void write(String header, int dataBytes) throws IOException {
    byte[] utf8 = header.getBytes(StandardCharsets.UTF_8);
    write(utf8.length, utf8, dataBytes);
  }

  private void assertRefused(String... parts) {
    assertThatThrownBy(() -> WeightFiles.read(file))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith(file + " is not a valid safetensors file: ")
        .hasMessageContainingAll(parts);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // overlaps, holes, bounds
        "'a':F32,[2],[0,8]; 'b':F32,[2],[4,12]|12|tensor b starts at byte 4 and overlaps a",
        "'a':F32,[2],[0,8]; 'b':F32,[2],[0,8]|16|tensor b starts at byte 0 and overlaps a",
        "'a':F32,[1],[0,4]; 'b':F32,[1],[8,12]|12|tensor b starts at byte 8 and leaves a hole after a",
        "'a':F32,[1],[4,8]|8|tensor a starts at byte 4 and leaves a hole after the start",
        "'a':F32,[2],[0,8]|4|the tensors need 8 bytes of data, the file has 4; it is truncated",
        "'a':F32,[2],[0,8]|12|the tensors need 8 bytes of data, the file has 12",
        "'a':F32,[2],[0,9]|9|needs 8 bytes, its offsets are 0 to 9",
        "'a':F32,[2],[8,0]|8|needs 8 bytes, its offsets are 8 to 0",
        "'a':F32,[2],[-8,0]|8|impossible data_offsets value -8",
        "'a':F32,[2],[0,9223372036854775808]|8|impossible data_offsets value 9223372036854775808",
        "'a':F32,[2],[0.0,8.0]|8|impossible data_offsets value 0.0",
        "'a':F32,[2],['0','8']|8|impossible data_offsets value",
        "'a':F32,[2],[0,4,8]|8|has 3 data_offsets",
        "'a':F32,[2],8|8|has no list 'data_offsets'",
        // shapes and types
        "'a':F32,2,[0,8]|8|has no list 'shape'",
        "'a':F32,[-2],[0,8]|8|impossible shape value -2",
        "'a':F32,[1.5],[0,8]|8|impossible shape value 1.5",
        "'a':F32,[4294967296,4294967296],[0,8]|8|impossible shape [4294967296, 4294967296]",
        "'a':F32,[2305843009213693952,0],[0,0]|0|impossible shape",
        "'a':F33,[2],[0,8]|8|has the type ?F33?, known are [F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL]",
        "'a':U8,[3000000000],[0,3000000000]|8|more than the 2 GB supported",
      })
  void refusesImpossibleTensors(String tensors, int dataBytes, String message) throws IOException {
    StringBuilder header = new StringBuilder();
    for (String tensor : tensors.split("; ")) {
      String[] part = tensor.replace('\'', '"').split(":|,(?=[\\[0-9])(?![^\\[]*\\])", -1);
      header
          .append(header.isEmpty() ? "{" : ",")
          .append(part[0])
          .append(":{\"dtype\":\"")
          .append(part[1])
          .append("\",\"shape\":")
          .append(part[2])
          .append(",\"data_offsets\":")
          .append(part[3])
          .append("}");
    }
    write(header + "}", dataBytes);
    assertRefused(message.replace('?', '"'));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"a\"|no valid JSON",
        "{} {}|no valid JSON",
        "{,}|no valid JSON",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},\"a\":1}|no valid JSON: Duplicate field 'a'",
        "{\"a\":1}|has the type",
        "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F64\"}}|Duplicate field 'dtype'",
        "{\"__metadata__\":[]}|__metadata__ is no JSON object",
        "{\"__metadata__\":{\"k\":1}}|a value that is no text at k",
        "{\"__metadata__\":{\"k\":null}}|a value that is no text at k",
      })
  void refusesBadHeaders(String header, String message) throws IOException {
    write(header, 0);
    assertRefused(message);
  }

  @Test
  void refusesDeepJson() throws IOException {
    write("{\"a\":".repeat(100_000), 0);
    assertRefused("no valid JSON");
    write("{\"a\":" + "[".repeat(100_000), 0);
    assertRefused("no valid JSON");
  }

  @Test
  void refusesOtherEncodings() throws IOException {
    byte[] utf16 = "{}".getBytes(StandardCharsets.UTF_16LE);
    write(utf16.length, utf16, 0);
    assertRefused("no valid JSON");
    write(3, new byte[] {'{', (byte) 0xff, '}'}, 0);
    assertRefused("no UTF-8");
  }

  @Test
  void refusesHugeHeadersBeforeAllocating() throws IOException {
    write(2L << 30, "{}".getBytes(StandardCharsets.UTF_8), 0);
    assertRefused("the header claims 2147483648 bytes, allowed are 2 to 100000000");
    // Also when the file really is that large (sparse: it takes no disk).
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength((2L << 30) + 100);
    }
    assertRefused("the header claims 2147483648 bytes");
    write(99_999_999, "{}".getBytes(StandardCharsets.UTF_8), 0);
    assertRefused("claims 99999999 bytes, but the file has only 10; it is truncated");
    write(0, "{}".getBytes(StandardCharsets.UTF_8), 0);
    assertRefused("the header claims 0 bytes");
  }

  /** The data's order is by width, so that it is aligned; the header's order is the dict's. */
  @Test
  void writesAlignedDataInTheOrderOfTheDict() throws IOException {
    StateDict dict = WeightFiles.read(Fixtures.file("zip.pth"));
    WeightFiles.write(file, dict);
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    int length = (int) bytes.getLong();
    assertThat(length % 8).isZero();
    JsonNode header =
        new ObjectMapper().readTree(new String(bytes.array(), 8, length, StandardCharsets.UTF_8));
    assertThat(header.fieldNames()).toIterable().containsExactlyElementsOf(dict.tensors().keySet());
    dict.tensors()
        .forEach(
            (name, tensor) -> {
              long begin = header.get(name).get("data_offsets").get(0).asLong();
              assertThat(begin % tensor.type().bytes()).as(name).isZero();
            });
    assertThat(WeightFiles.read(file).tensors().keySet())
        .containsExactlyElementsOf(dict.tensors().keySet());
  }

  /** The low bytes of such lengths are those of a pickle or of a zip archive. */
  @ParameterizedTest
  @CsvSource({"0x280", "0x380", "0x480", "0x10280"})
  void isNotConfusedByTheLengthOfTheHeader(String text) throws IOException {
    int length = Integer.decode(text);
    String header = "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}";
    write(header + " ".repeat(length - header.length()), 1);
    assertThat(WeightFiles.read(file).tensors().get("a").shape()).isEqualTo(List.of(1L));
  }
}
