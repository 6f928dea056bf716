package org.jresnet.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TimeZone;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PyTorchFileTest {
  @TempDir private Path folder;
  private Path file;

  @BeforeEach
  void file() {
    file = folder.resolve("w.pth");
  }

  private void assertRefused(String... parts) {
    assertThatThrownBy(() -> WeightFiles.read(file))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith(file + " is not a PyTorch state dict that can be read: ")
        .hasMessageContainingAll(parts);
  }

  private interface Change {
    byte[] apply(String name, byte[] data);
  }

  /** The entries of {@code zip.pth}, changed; null leaves one out. */
  private void rewrite(int level, Change change) throws IOException {
    try (ZipFile from = new ZipFile(Fixtures.file("zip.pth").toFile());
        ZipOutputStream to = new ZipOutputStream(Files.newOutputStream(file))) {
      to.setLevel(level);
      to.setMethod(level == 0 ? ZipOutputStream.STORED : ZipOutputStream.DEFLATED);
      for (ZipEntry entry : from.stream().toList()) {
        byte[] data =
            change.apply(
                entry.getName().substring("archive/".length()),
                from.getInputStream(entry).readAllBytes());
        if (data != null) {
          store(to, entry.getName(), data);
        }
      }
    }
  }

  private static void store(ZipOutputStream to, String name, byte[] data) throws IOException {
    java.util.zip.CRC32 crc = new java.util.zip.CRC32();
    crc.update(data);
    ZipEntry entry = new ZipEntry(name);
    entry.setSize(data.length);
    entry.setCrc(crc.getValue());
    to.putNextEntry(entry);
    to.write(data);
    to.closeEntry();
  }

  @Test
  void refusesDamagedArchives() throws IOException {
    rewrite(0, (name, data) -> name.equals("data/0") ? null : data);
    assertRefused("its storage data/0 is missing");
    rewrite(0, (name, data) -> name.equals("data/0") ? Arrays.copyOf(data, 400) : data);
    assertRefused("storage 0 should hold 108 elements of 4 bytes, found 400 bytes");
    rewrite(0, (name, data) -> name.equals("data.pkl") ? null : data);
    assertRefused("a zip archive without data.pkl");
    rewrite(
        0,
        (name, data) ->
            name.equals("byteorder") ? "middle".getBytes(StandardCharsets.US_ASCII) : data);
    assertRefused("its byteorder is 'middle'");
    rewrite(9, (name, data) -> data);
    assertRefused(" is compressed");
  }

  @Test
  void readsArchivesWithoutByteOrder() throws IOException {
    rewrite(0, (name, data) -> name.equals("byteorder") ? null : data);
    assertThat(WeightFiles.read(file)).isEqualTo(WeightFiles.read(Fixtures.file("zip.pth")));
  }

  @Test
  void noticesAFlippedBit() throws IOException {
    byte[] bytes = Files.readAllBytes(Fixtures.file("zip.pth"));
    HostTensor first = WeightFiles.read(Fixtures.file("zip.pth")).tensors().get("conv1.weight");
    byte[] head = new byte[16];
    first.data().get(head);
    int at = indexOf(bytes, head);
    bytes[at + 5] ^= 1;
    Files.write(file, bytes);
    assertRefused("the checksum of its entry archive/data/0 is wrong: the file is damaged");
  }

  private static int indexOf(byte[] bytes, byte[] part) {
    for (int i = 0; i + part.length <= bytes.length; i++) {
      if (Arrays.equals(bytes, i, i + part.length, part, 0, part.length)) {
        return i;
      }
    }
    throw new AssertionError("not found");
  }

  /** Two storages whose directory entries point to the same bytes, as zip bombs are made. */
  @Test
  void refusesStoragesThatTogetherExceedTheFile() throws IOException {
    int size = 3000;
    String pickle = "\u0080\u0002}(" + tensor("a", "0", size) + tensor("b", "1", size) + "u.";
    try (ZipOutputStream to = new ZipOutputStream(Files.newOutputStream(file))) {
      to.setMethod(ZipOutputStream.STORED);
      store(to, "x/data.pkl", pickle.getBytes(StandardCharsets.ISO_8859_1));
      store(to, "x/data/0", new byte[size]);
      store(to, "x/data/1", new byte[0]);
    }
    byte[] bytes = Files.readAllBytes(file);
    // Central directory: size twice at 20, name length at 28, local header at 42, name at 46.
    int one = lastIndexOf(bytes, "x/data/1") - 46;
    int zero = one - 46 - "x/data/0".length();
    System.arraycopy(bytes, zero + 16, bytes, one + 16, 12);
    System.arraycopy(bytes, zero + 42, bytes, one + 42, 4);
    Files.write(file, bytes);
    assertRefused("its storages together are larger than the file");
  }

  private static int lastIndexOf(byte[] bytes, String text) {
    return new String(bytes, StandardCharsets.ISO_8859_1).lastIndexOf(text);
  }

  private static String tensor(String name, String key, int bytes) {
    return "U\1"
        + name
        + "ctorch._utils\n_rebuild_tensor_v2\n((U\7storagectorch\nByteStorage\nU\1"
        + key
        + "U\3cpu"
        + integer(bytes)
        + "tQK\0"
        + integer(bytes)
        + "\u0085K\1\u0085\u0089NtR";
  }

  private static String integer(int value) {
    byte[] le = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array();
    return "J" + new String(le, StandardCharsets.ISO_8859_1);
  }

  /** One storage of six floats in the legacy form, and a tensor of the given view. */
  private void writeView(String offset, String shape, String strides, int elements)
      throws IOException {
    ByteBuffer floats = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN).putLong(elements);
    try (OutputStream out = Files.newOutputStream(file)) {
      out.write(
          ("\u0080\u0002\u008a\nl\u00fc\u009cF\u00f9 j\u00a8P\u0019."
                  + "\u0080\u0002M\u00e9\u0003.\u0080\u0002}.\u0080\u0002}U\1w"
                  + "ctorch._utils\n_rebuild_tensor_v2\n((U\7storagectorch\nFloatStorage\nU\1"
                  + "0U\3cpuK\6tQ"
                  + offset
                  + shape
                  + strides
                  + "\u0089NtRs.\u0080\u0002]U\1"
                  + "0a.")
              .getBytes(StandardCharsets.ISO_8859_1));
      out.write(floats.array());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'K\1'|'K\6\u0085'|'K\1\u0085'|leaves its storage of 6 elements",
        "'K\0'|'K\2K\4\u0086'|'K\3K\1\u0086'|leaves its storage",
        "'K\0'|'K\2\u0085'|'J\u00ff\u00ff\u00ff\u007f\u0085'|leaves its storage",
        "'\u008a\u0008\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f'|'K\2\u0085'|'K\1\u0085'|larger than any file",
        "'K\0'|'J\u00ff\u00ff\u00ff\0J\u00ff\u00ff\u00ff\0\u0086'|'K\0K\0\u0086'|repeats its storage",
        "'K\0'|'J\0\0\0\u0005\u0085'|'K\0\u0085'|repeats its storage",
        "'K\0'|'J\0\0\0\u007fJ\0\0\0\u007fJ\0\0\0\u007f\u0087'|'K\0K\0K\0\u0087'|larger than any file",
      })
  void refusesViewsOutsideTheirStorage(String offset, String shape, String strides, String message)
      throws IOException {
    writeView(offset, shape, strides, 6);
    assertRefused("tensor w of shape ", message);
  }

  @Test
  void readsViewsInsideTheirStorage() throws IOException {
    writeView("K\2", "K\2K\2\u0086", "K\1K\2\u0086", 6);
    assertThat(WeightFiles.read(file).tensors().get("w").shape()).isEqualTo(List.of(2L, 2L));
  }

  @ParameterizedTest
  @CsvSource({
    "7, claims 7 elements of 4 bytes",
    "-1, claims -1 elements",
    "5, should hold 6 elements"
  })
  void refusesLegacyStoragesOfAnotherSize(int elements, String message) throws IOException {
    writeView("K\0", "K\6\u0085", "K\1\u0085", elements);
    assertRefused(message);
  }

  @Test
  void refusesCheckpointsWithoutWeights() throws IOException {
    Files.write(
        file,
        ("\u0080\u0002\u008a\nl\u00fc\u009cF\u00f9 j\u00a8P\u0019.\u0080\u0002M\u00e9\u0003."
                + "\u0080\u0002}.\u0080\u0002}U\5epochK\1s.\u0080\u0002].")
            .getBytes(StandardCharsets.ISO_8859_1));
    assertRefused("it holds no tensors", "its entries are: epoch.");
    Files.write(file, "\u0080\u0002K\1.".getBytes(StandardCharsets.ISO_8859_1));
    assertRefused("a pickle, but not one that torch.save wrote");
  }

  /** Cut anywhere, a file is refused with a message, never read in part. Every 7th length. */
  @ParameterizedTest
  @ValueSource(strings = {"zip.pth", "legacy.pth", "nested.pth", "all.safetensors"})
  void refusesEveryTruncation(String name) throws IOException {
    byte[] whole = Files.readAllBytes(Fixtures.file(name));
    for (int length = whole.length - 1; length >= 0; length -= 7) {
      Files.write(file, Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> WeightFiles.read(file))
          .as("%s cut to %d bytes", name, length)
          .isInstanceOf(UserError.class)
          .hasMessageContaining(file.toString());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "zip.pth, its zip directory is missing or damaged",
    "legacy.pth, it is truncated",
  })
  void saysThatAFileIsTruncated(String name, String message) throws IOException {
    byte[] whole = Files.readAllBytes(Fixtures.file(name));
    Files.write(file, Arrays.copyOf(whole, whole.length - 30));
    assertRefused(message, "truncated, get it again");
  }

  /**
   * Any byte changed, a file is read or refused with a message; nothing else ever happens. Every
   * 5th byte, to be quick.
   */
  @ParameterizedTest
  @ValueSource(strings = {"zip.pth", "legacy.pth", "views-legacy.pth", "all.safetensors"})
  void survivesEveryDamagedByte(String name) throws IOException {
    byte[] whole = Files.readAllBytes(Fixtures.file(name));
    int[] changes = {1, 0x80, 0xff};
    int refused = 0;
    for (int at = 0; at < whole.length; at += 5) {
      byte[] damaged = whole.clone();
      damaged[at] ^= (byte) changes[at % 3];
      Files.write(file, damaged);
      try {
        WeightFiles.read(file);
      } catch (UserError e) {
        assertThat(e).hasMessageContaining(file.toString());
        refused++;
      }
    }
    assertThat(refused).isPositive();
  }

  @Test
  void writesStoredEntriesAlignedTo64Bytes() throws IOException {
    WeightFiles.write(file, WeightFiles.read(Fixtures.file("zip.pth")));
    byte[] bytes = Files.readAllBytes(file);
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    Map<String, Integer> starts = new LinkedHashMap<>();
    int at = 0;
    while (in.getInt(at) == 0x04034b50) {
      int start = at + 30 + in.getShort(at + 26) + in.getShort(at + 28);
      String name = new String(bytes, at + 30, in.getShort(at + 26), StandardCharsets.UTF_8);
      assertThat(in.getShort(at + 8)).as("compression of " + name).isZero();
      starts.put(name, start);
      at = start + in.getInt(at + 18);
    }
    assertThat(starts.values()).allMatch(start -> start % 64 == 0);
    assertThat(starts.keySet())
        .startsWith("archive/data.pkl", "archive/byteorder", "archive/data/0", "archive/data/1")
        .endsWith("archive/data/10", "archive/version", "archive/.data/serialization_id");
    try (ZipInputStream zip = new ZipInputStream(Files.newInputStream(file))) {
      for (ZipEntry e = zip.getNextEntry(); e != null; e = zip.getNextEntry()) {
        int length = zip.readAllBytes().length; // which also checks the CRC
        assertThat(length).as(e.getName()).isEqualTo((int) e.getSize());
      }
    }
  }

  @Test
  void writesTheSameBytesInEveryTimeZone() throws IOException {
    StateDict dict = WeightFiles.read(Fixtures.file("zip.pth"));
    TimeZone before = TimeZone.getDefault();
    try {
      TimeZone.setDefault(TimeZone.getTimeZone("Asia/Tokyo"));
      WeightFiles.write(file, dict);
      byte[] tokyo = Files.readAllBytes(file);
      TimeZone.setDefault(TimeZone.getTimeZone("America/New_York"));
      WeightFiles.write(file, dict);
      assertThat(Files.readAllBytes(file)).isEqualTo(tokyo);
    } finally {
      TimeZone.setDefault(before);
    }
  }
}
