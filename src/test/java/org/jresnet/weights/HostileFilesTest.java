package org.jresnet.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jresnet.base.UserError;
import org.jresnet.testing.Bounded;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Files made to cost far more than their size: time and memory stay in proportion to it, and what
 * is refused says why.
 */
class HostileFilesTest {
  /** Half a second of one core for small files, 0.2 s and 60 MB for a megabyte. */
  private static final Bounded.Limits LIMITS = new Bounded.Limits(0.5, 0.2, 4 << 20, 60);

  private static final String REBUILD = "ctorch._utils\n_rebuild_tensor_v2\n";
  private static final String LEGACY =
      "\u0080\u0002\u008a\nl\u00fc\u009cF\u00f9 j\u00a8P\u0019.\u0080\u0002M\u00e9\u0003."
          + "\u0080\u0002}.\u0080\u0002}U\1t"
          + tensor("FloatStorage", 1, "K\1\u0085", "K\1\u0085")
          + "s.";

  @TempDir private Path folder;
  private Path file;

  @BeforeEach
  void file() {
    file = folder.resolve("w");
  }

  private static byte[] latin1(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static String integer(long value) {
    byte[] le = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
    return "\u008a\u0008" + new String(le, StandardCharsets.ISO_8859_1);
  }

  private static String storage(String type, long elements) {
    return "(U\7storagectorch\n" + type + "\nU\1" + "0U\3cpu" + integer(elements) + "tQ";
  }

  private static String tensor(String type, long elements, String shape, String strides) {
    return REBUILD + "(" + storage(type, elements) + "K\0" + shape + strides + "\u0089NtR";
  }

  private static String tuple(long first, int others, long other) {
    return "(" + integer(first) + integer(other).repeat(others) + "t";
  }

  private void zip(String pickle, int storageBytes) throws IOException {
    try (ZipOutputStream to = new ZipOutputStream(Files.newOutputStream(file))) {
      to.setMethod(ZipOutputStream.STORED);
      store(to, "a/data.pkl", latin1("\u0080\u0002" + pickle));
      store(to, "a/data/0", new byte[storageBytes]);
    }
  }

  private static void store(ZipOutputStream to, String name, byte[] data) throws IOException {
    CRC32 crc = new CRC32();
    crc.update(data);
    ZipEntry entry = new ZipEntry(name);
    entry.setSize(data.length);
    entry.setCrc(crc.getValue());
    to.putNextEntry(entry);
    to.write(data);
    to.closeEntry();
  }

  private void safetensors(byte[] header) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(
        ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).array());
    out.writeBytes(header);
    Files.write(file, out.toByteArray());
  }

  private StateDict read() throws Exception {
    return Bounded.run(LIMITS, Files.size(file), () -> WeightFiles.read(file));
  }

  /** The message of the refusal, which has to come within bounds, too. */
  private void assertRefused(String message) throws Exception {
    Bounded.run(
        LIMITS,
        Files.size(file),
        () ->
            assertThatThrownBy(() -> WeightFiles.read(file))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(file.toString())
                .hasMessageContaining(message));
  }

  @ParameterizedTest
  @CsvSource({"67108864, 1", "16777216, 2"})
  void refusesManyDimensionsOfOneByte(long first, long second) throws Exception {
    String shape = "(" + integer(first) + integer(second) + integer(1).repeat(62) + "t";
    zip("}U\1t" + tensor("ByteStorage", 1, shape, tuple(0, 63, 0)) + "s.", 1);
    assertRefused("repeats its storage of 1 elements");
  }

  /** Walking each dimension for each element took 64 times as long. */
  @Test
  void copiesThroughManyDimensions() throws Exception {
    String shape = tuple(1000, 63, 1);
    zip("}U\1t" + tensor("ByteStorage", 2000, shape, tuple(2, 63, 0)) + "s.", 2000);
    assertThat(read().tensors().get("t").elements()).isEqualTo(1000);
  }

  /** Texts of one hash, alone and as part of other keys. */
  @ParameterizedTest
  @ValueSource(strings = {"%s", "(U\7storagectorch\nFloatStorage\n%sU\3cpuK\1tQ", "%s\u0085"})
  void collidingKeysCostNoMoreThanOthers(String key) throws Exception {
    StringBuilder pickle = new StringBuilder("}(U\1t");
    pickle.append(tensor("FloatStorage", 1, "K\1\u0085", "K\1\u0085"));
    for (int i = 0; i < 1 << 16; i++) {
      StringBuilder text = new StringBuilder("U\u0020");
      for (int bit = 0; bit < 16; bit++) {
        text.append((i >> bit & 1) == 0 ? "Aa" : "BB");
      }
      pickle.append(key.replace("%s", text)).append("N");
    }
    zip(pickle + "u.", 4);
    assertThat(read().tensors().keySet()).containsExactly("t");
    // Numbers of the texts' hash would be compared with each of them.
    zip(pickle.toString().replace("N", "K\1") + "u.", 4);
    assertThat(read().tensors().keySet()).containsExactly("t");
  }

  @Test
  void refusesCyclicDeepAndDoublingLists() throws Exception {
    StringBuilder doubling = new StringBuilder("]q\0");
    for (int i = 0; i < 60; i++) {
      char last = (char) i;
      doubling.append("0]h" + last + "ah" + last + "aq" + (char) (i + 1));
    }
    for (String keys :
        List.of(
            "]q\0]q\1h\0a0h\1a0]h\0a.",
            "]".repeat(200_000) + "a".repeat(199_999) + ".",
            doubling + "0]h\u003ca.",
            "]q\0h\0a.")) {
      Files.write(file, latin1(LEGACY + "\u0080\u0002" + keys + "\1\0\0\0\0\0\0\0\0\0\0\0"));
      assertRefused("is listed, but no tensor uses it");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"}", "]", "}NNs", "N\u0085", "]Na"})
  void refusesMillionsOfContainers(String opcodes) throws Exception {
    String tensor = "}U\1t" + tensor("FloatStorage", 1, "K\1\u0085", "K\1\u0085") + "s.";
    zip("(" + opcodes.repeat((6 << 20) / opcodes.length()) + "t0" + tensor, 4);
    if (opcodes.length() < 4) {
      assertRefused("it holds more than 2000000 tuples and lists");
    } else {
      assertThat(read().tensors()).hasSize(1);
    }
  }

  @Test
  void recallsNothingThatWasNeverStored() throws Exception {
    zip("Nr\u00ff\u00ff\u00ff\u00ff.", 0);
    assertRefused("it stores value 4294967295 before it can have so many");
    zip("Nr\u00ff\u00ff\u00ff\u007f.", 0);
    assertRefused("it stores value 2147483647 before");
    zip("Nq\5h\4.", 0);
    assertRefused("recalls value 4, which was never stored");
  }

  /** A dict in itself, and a dict of many names for one dict. */
  @Test
  void findsItsWayThroughCyclesOfDicts() throws Exception {
    String tensor = tensor("FloatStorage", 1, "K\1\u0085", "K\1\u0085");
    zip("}q\0(U\1ah\0U\1b}q\1(U\1ch\0U\5x.t.w" + tensor + "u" + "U\1nh\1".repeat(1000) + "u.", 4);
    assertThat(read().tensors().keySet()).containsExactly("x.t.w");
  }

  @Test
  void refusesLongAndImpossibleNames() throws Exception {
    String tensor = tensor("FloatStorage", 1, "K\1\u0085", "K\1\u0085");
    zip("}T\u00e9\3\0\0" + "n".repeat(1001) + tensor + "s.", 4);
    assertRefused("has 1001 characters, allowed are 1000");
    zip("}U\14__metadata__" + tensor + "s.", 4);
    assertRefused("a tensor is called __metadata__");
    zip("}U\2\u00c3(" + tensor + "s.", 4);
    assertRefused("a text that is not UTF-8");
    safetensors(latin1("{\"\\ud800\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}"));
    assertRefused("surrogate pair");
    safetensors(latin1("{\"__metadata__\":{\"\\ud800\":\"\"}}"));
    assertRefused("surrogate pair");
  }

  @Test
  void refusesArchivesWithTwoMeanings() throws Exception {
    String pickle = "\u0080\u0002}.";
    for (String second : List.of("a/data.pkl", "b/data.pkl")) {
      try (ZipOutputStream to = new ZipOutputStream(Files.newOutputStream(file))) {
        to.setMethod(ZipOutputStream.STORED);
        store(to, "a/data.pkl", latin1(pickle));
        store(to, second.replace('a', 'c'), latin1(pickle));
      }
      byte[] bytes = Files.readAllBytes(file);
      String text = new String(bytes, StandardCharsets.ISO_8859_1);
      Files.write(file, latin1(text.replace("c/dctc.pkl", "a/data.pkl").replace("dctc", "data")));
      assertRefused(
          second.startsWith("a") ? "has the entry a/data.pkl twice" : "it has two state dicts");
    }
  }

  @Test
  void refusesHugeHeaders() throws Exception {
    byte[] empty = latin1(",\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}");
    ByteArrayOutputStream many = new ByteArrayOutputStream();
    for (int i = 0; i <= 200_000; i++) {
      many.writeBytes(latin1((i == 0 ? "{\"" : ",\"") + i + "\":{\"x\":0"));
      many.writeBytes(empty);
    }
    many.write('}');
    safetensors(many.toByteArray());
    assertRefused("it describes more than 100000 tensors");
    safetensors(latin1("{\"a\":{\"shape\":[" + "1,".repeat(2_000_000) + "1]}}"));
    assertRefused("has a shape of more than 64 numbers");
    safetensors(latin1("{\"a\":" + "[".repeat(1_000_000) + "]".repeat(1_000_000) + "}"));
    assertRefused("no valid JSON");
    safetensors(latin1("{\"a\":\"" + "x".repeat(20_000_000) + "\"}"));
    assertRefused("tensor a has the type");
    safetensors(latin1("{\"" + "x".repeat(5_000_000) + "\":{}}"));
    assertRefused("has 5000000 characters, allowed are 1000");
    safetensors(
        latin1(
            "{\"__metadata__\":{\"a\":\""
                + "x".repeat(9 << 20)
                + "\",\"b\":\""
                + "y".repeat(9 << 20)
                + "\"}}"));
    assertRefused("more than 16777216 characters");
  }

  @Test
  void readsCollidingNamesInHeaders() throws Exception {
    StringBuilder header = new StringBuilder();
    for (int i = 0; i < 1 << 14; i++) {
      header.append(i == 0 ? "{\"" : ",\"");
      for (int bit = 0; bit < 14; bit++) {
        header.append((i >> bit & 1) == 0 ? "Aa" : "BB");
      }
      header.append("\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}");
    }
    safetensors(latin1(header + "}"));
    assertThat(read().tensors()).hasSize(1 << 14);
  }
}
