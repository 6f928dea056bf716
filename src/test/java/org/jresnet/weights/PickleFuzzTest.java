package org.jresnet.weights;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The pickle of an archive whose checksums are right; its first twelve storages have 600 bytes. */
class PickleFuzzTest {
  private static final int STORAGES = 12;

  @TempDir private static Path folder;

  static Stream<Arguments> seeds() throws IOException {
    Stream.Builder<Arguments> seeds = Stream.builder();
    for (String file :
        new String[] {
          "zip.pth", "views.pth", "nested.pth", "protocol4.pth", "types.pth", "imagenet.pth",
          "ema.pth", "lightning.pth", "averaged.pth", "sparse.pth", "quantised.pth", "meta.pth",
          "subclass.pth"
        }) {
      try (ZipFile zip = new ZipFile(Fixtures.file(file).toFile())) {
        byte[] pickle = zip.getInputStream(zip.getEntry("archive/data.pkl")).readAllBytes();
        seeds.add(Arguments.of((Object) pickle));
      }
    }
    return seeds.build();
  }

  @MethodSource("seeds")
  @FuzzTest
  void reads(byte[] pickle) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.setMethod(ZipOutputStream.STORED);
      store(zip, "archive/data.pkl", pickle);
      byte[] storage = new byte[600];
      for (int i = 0; i < STORAGES; i++) {
        Arrays.fill(storage, (byte) (i + 1));
        store(zip, "archive/data/" + i, storage);
      }
    }
    Fuzzed.survivesWriting(folder, Fuzzed.read(folder.resolve("w"), out.toByteArray()));
  }

  private static void store(ZipOutputStream zip, String name, byte[] data) throws IOException {
    CRC32 crc = new CRC32();
    crc.update(data);
    ZipEntry entry = new ZipEntry(name);
    entry.setSize(data.length);
    entry.setCrc(crc.getValue());
    zip.putNextEntry(entry);
    zip.write(data);
    zip.closeEntry();
  }
}
