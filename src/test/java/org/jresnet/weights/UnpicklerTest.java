package org.jresnet.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;
import org.jresnet.weights.PickleCalls.TensorView;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Pickles are read as data, and hostile ones cost neither time nor memory. */
@Timeout(value = 20, unit = TimeUnit.SECONDS)
class UnpicklerTest {
  /** Opcodes as Latin-1 text, whose characters are the bytes. */
  private static Object read(String opcodes) throws PickleException {
    return new Unpickler(ByteBuffer.wrap(opcodes.getBytes(StandardCharsets.ISO_8859_1))).read();
  }

  private static final String OPEN = "\u0080\u0002";
  private static final String STORAGE =
      "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" + "0X\3\0\0\0cpuK\6tQ";
  private static final String REBUILD = "ctorch._utils\n_rebuild_tensor_v2\n";

  @Test
  void readsPlainValues() throws PickleException {
    assertThat(
            read(
                OPEN
                    + "](NK\u00ffM\u00ff\u00ffJ\u00ff\u00ff\u00ff\u00ff\u0088\u0089\u008a\1\u0080"
                    + "\u008a\0G\u003f\u00f8\0\0\0\0\0\0X\2\0\0\0\u00c3\u00a9U\1ae."))
        .isEqualTo(
            java.util.Arrays.asList(
                null, 255L, 65535L, -1L, true, false, -128L, 0L, 1.5, "é", "a"));
    assertThat(read(OPEN + "\u008a\nl\u00fc\u009cF\u00f9 j\u00a8P\u0019."))
        .isEqualTo(new BigInteger("1950a86a20f9469cfc6c", 16));
  }

  @Test
  void readsTensorViews() throws PickleException {
    Object value = read(OPEN + REBUILD + "(" + STORAGE + "K\1K\2\u0085K\1\u0085\u0089NtR.");
    assertThat(value)
        .isEqualTo(
            new TensorView(
                new PickleCalls.Storage("0", "FloatStorage", 6),
                DType.F32,
                1,
                List.of(2L),
                List.of(1L)));
  }

  @ParameterizedTest
  @CsvSource({
    "os-system.pth, posix.system",
    "eval.pth, __builtin__.eval",
    "exec-protocol4.pth, builtins.exec",
    "nested.pth, subprocess.Popen",
    "run-path.pth, runpy.run_path",
    "load-from-bytes.pth, torch.storage._load_from_bytes",
    "stack-global.pth, os.system",
    "legacy.pth, posix.system",
    "legacy-magic.pth, posix.system",
  })
  void refusesForeignGlobalsByName(String file, String global) {
    Path path = Fixtures.file("malicious/" + file);
    assertThatThrownBy(() -> WeightFiles.read(path))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith(path.toString())
        .hasMessageContaining("it asks to import " + global + ",")
        .hasMessageContaining("Nothing was run");
    assertThat(Files.exists(Path.of("jresnet-was-here"))).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cos\nsystem\n.",
        "ctorch\nload\n.",
        "ctorch.hub\nload\n.",
        "ctorch\nfloat32.__class__\n.",
        "ccollections\nOrderedDict.fromkeys\n.",
        "cnumpy\nFloatStorage\n.",
        "\u008c\1a\u008c\1b\u0093.",
      })
  void refusesNeighboursOfKnownGlobals(String opcodes) {
    assertThatThrownBy(() -> read(OPEN + opcodes))
        .isInstanceOf(PickleException.class)
        .hasMessageContaining("it asks to import ");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'}R.'|expected the arguments of a call",
        "')R.'|it is malformed",
        "'N)R.'|expected the function of a call, found None",
        "'X\1\0\0\0a)R.'|expected the function of a call, found String",
        "'ctorch\nFloatStorage\n)R.'|calls torch.FloatStorage, which is no function",
        "'ctorch._utils\n_rebuild_tensor_v2\n)R.'|has only 0 arguments",
        "'ctorch\nSize\n)R.'|has only 0 arguments",
        "'ctorch._utils\n_rebuild_parameter\nK\1\u0085R.'|expected a parameter, found Long",
        "'ctorch\nQInt8Storage\n.'|torch.QInt8Storage, whose element type is not supported",
        "'K\1Q.'|expected a storage, found Long",
        "')Q.'|has only 0 arguments",
        "'}K\1K\2K\3s.'|expected a dict, found Long",
        "'}(K\1u.'|a key without value",
        "'}]K\1s.'|a container as key",
        "'}}K\1s.'|a container as key",
        "']K\1K\2a.'|expected a list, found Long",
        "'t.'|it is malformed",
        "'\u0086.'|it is malformed",
        "'(\u0085.'|it is malformed",
        "'.'|it is malformed",
        "'(.'|it is malformed",
        "'h\5.'|recalls value 5",
        "'I1\n.'|opcode 0x49 at byte 2 has no place",
        "'ios\nsystem\n.'|opcode 0x69",
        "'\u0082\1.'|opcode 0x82",
        "'P1\n.'|opcode 0x50",
        "'\u0080\6.'|pickle protocol 6",
        "'\u0080\1.'|pickle protocol 1",
        "'N'|ends in the middle",
        "'J\1\2'|ends in the middle",
        "'cos'|ends in the middle",
      })
  void refusesMalformedPickles(String opcodes, String message) {
    assertThatThrownBy(() -> read(OPEN + opcodes))
        .isInstanceOf(PickleException.class)
        .hasMessageContaining(message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "X\u00ff\u00ff\u00ff\u00ff", // BINUNICODE of 4 GB
        "X\u00ff\u00ff\u00ff\u007f", // of 2 GB
        "\u008d\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f", // BINUNICODE8 of 8 EB
        "\u008d\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff",
        "\u008e\0\0\0\0\u0001\0\0\0", // BINBYTES8 of 4 GB
        "\u0096\0\0\0\u0040\0\0\0\0", // BYTEARRAY8 of 1 GB
        "B\0\0\0\u0080",
        "T\0\0\0\u0080",
      })
  void refusesHugeLengthsBeforeAllocating(String opcodes) {
    assertThatThrownBy(() -> read(OPEN + opcodes + "a."))
        .isInstanceOf(PickleException.class)
        .hasMessageContaining("it claims a value of ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"\u008b\0\0\0\u007f", "\u008b\u00ff\u00ff\u00ff\u00ff", "\u008a\u0020"})
  void refusesHugeIntegers(String opcodes) {
    assertThatThrownBy(() -> read(OPEN + opcodes + "a".repeat(40) + "."))
        .isInstanceOf(PickleException.class)
        .hasMessageContaining("it holds an integer of ");
  }

  @Test
  void survivesDeepNesting() throws PickleException {
    int depth = 1_000_000;
    assertThat(read(OPEN + "]".repeat(depth) + "a".repeat(depth - 1) + "."))
        .isInstanceOf(List.class);
    assertThat(read(OPEN + "N" + "\u0085".repeat(depth) + ".")).isNotNull();
    assertThat(read(OPEN + "}" + "K\1}".repeat(depth) + "s".repeat(depth) + "."))
        .isInstanceOf(PickleDict.class);
    assertThatThrownBy(() -> read(OPEN + "(".repeat(depth) + "."))
        .isInstanceOf(PickleException.class);
  }

  /** Each level holds the one before twice: 2^200 leaves for whoever walks them. */
  @Test
  void survivesMemoBombs() throws PickleException {
    StringBuilder bomb = new StringBuilder(OPEN + ")q\0" + "0");
    for (int i = 0; i < 200; i++) {
      bomb.append('h').append((char) i).append('h').append((char) i);
      bomb.append("\u0086q").append((char) (i + 1)).append('0');
    }
    // As a key the whole would have to be hashed.
    assertThat(((PickleDict) read("}" + bomb + "h\u00c8K\1s.")).size()).isEqualTo(1);
    assertThat(read(OPEN + "]q\0h\0ah\0a.")).isInstanceOf(List.class);
  }

  /** A list of many pairs in the memo, from which every few bytes more would make a new dict. */
  @Test
  void refusesToMultiplyValuesFromTheMemo() {
    String pairs = "](" + "K\1K\2\u0086".repeat(50_000) + "eq\1";
    String copies = "h\0h\1\u0085R0".repeat(100_000);
    assertThatThrownBy(() -> read(OPEN + "ccollections\nOrderedDict\nq\0" + pairs + copies + "."))
        .isInstanceOf(PickleException.class)
        .hasMessageContaining("repeats values");
  }

  @Test
  void refusesLongPickles() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes("N0".repeat((8 << 20) + 1).getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(() -> new Unpickler(ByteBuffer.wrap(out.toByteArray())).read())
        .isInstanceOf(PickleException.class)
        .hasMessageContaining("longer than 16777216 bytes");
    assertThatThrownBy(() -> read("c" + "a".repeat(2000) + "\nb\n."))
        .isInstanceOf(PickleException.class)
        .hasMessageContaining("does not end");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'J\u00ff\u00ff\u00ff\u00ff'|'K\2\u0085'|'K\1\u0085'|offset contains -1",
        "'K\0'|'J\u00ff\u00ff\u00ff\u00ff\u0085'|'K\1\u0085'|shape contains -1",
        "'K\0'|'K\2\u0085'|'J\u00ff\u00ff\u00ff\u00ff\u0085'|strides contains -1",
        "'K\0'|'K\2\u0085'|')'|has the strides []",
        "'K\0'|'N\u0085'|'K\1\u0085'|found None",
        "'K\0'|'](K\2e'|'K\1\u0085'|expected a tensor's shape, found ArrayList",
      })
  void refusesMalformedViews(String offset, String shape, String strides, String message) {
    assertThatThrownBy(
            () -> read(OPEN + REBUILD + "(" + STORAGE + offset + shape + strides + "\u0089NtR."))
        .isInstanceOf(PickleException.class)
        .hasMessageContaining(message);
  }

  @Test
  void refusesFlagsThatChangeValues() {
    String view = REBUILD + "(" + STORAGE + "K\0))\u0089N";
    assertThatThrownBy(() -> read(OPEN + view + "}X\3\0\0\0neg\u0088stR."))
        .isInstanceOf(PickleException.class)
        .hasMessageContaining("flags");
  }

  @Test
  void refusesOneStorageOfTwoTypes() {
    String other = STORAGE.replace("FloatStorage", "LongStorage");
    assertThatThrownBy(() -> read(OPEN + STORAGE + other + "."))
        .isInstanceOf(PickleException.class)
        .hasMessageContaining("described twice");
  }

  @Test
  void knowsWhereAPickleEnds() throws PickleException {
    ByteBuffer two = ByteBuffer.wrap("K\1.K\2.".getBytes(StandardCharsets.ISO_8859_1));
    Unpickler unpickler = new Unpickler(two.order(ByteOrder.BIG_ENDIAN));
    assertThat(unpickler.read()).isEqualTo(1L);
    assertThat(two.position()).isEqualTo(3);
    assertThat(unpickler.read()).isEqualTo(2L);
  }
}
