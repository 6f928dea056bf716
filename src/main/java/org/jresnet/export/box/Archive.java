package org.jresnet.export.box;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.io.output.CloseShieldOutputStream;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

/** Packs a folder; the name of the archive decides how. */
final class Archive {
  static final List<String> SUFFIXES = List.of(".tar.gz", ".tgz", ".tar.xz");
  private static final int EXECUTABLE = 0755;
  private static final int PLAIN = 0644;
  private static final int BUFFER = 1 << 16;

  private Archive() {}

  /**
   * The archive's name without its suffix.
   *
   * @throws UserError when it has none that is known
   */
  static String stem(Path file) {
    String name = file.getFileName().toString();
    return SUFFIXES.stream()
        .filter(s -> name.endsWith(s) && name.length() > s.length())
        .findFirst()
        .map(s -> name.substring(0, name.length() - s.length()))
        .orElseThrow(
            () ->
                new UserError(
                    Text.format(
                        "the box must end in %s, found %s", String.join(", ", SUFFIXES), name)));
  }

  /** Packs all files below a folder as {@code root/...}, in the order of their names. */
  static void write(Path file, Path folder, String root) {
    AtomicFile.write(
        file,
        channel -> {
          OutputStream plain = new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER);
          // The channel must stay open: what it wrote is still forced to the disk.
          try (OutputStream packed = packed(file, CloseShieldOutputStream.wrap(plain));
              TarArchiveOutputStream tar = new TarArchiveOutputStream(packed);
              Stream<Path> files = Files.walk(folder)) {
            tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
            for (Path f : (Iterable<Path>) files.filter(Files::isRegularFile).sorted()::iterator) {
              TarArchiveEntry entry =
                  new TarArchiveEntry(f.toFile(), root + "/" + folder.relativize(f));
              entry.setMode(Files.isExecutable(f) ? EXECUTABLE : PLAIN);
              entry.setIds(0, 0);
              entry.setNames("", "");
              tar.putArchiveEntry(entry);
              Files.copy(f, tar);
              tar.closeArchiveEntry();
            }
          }
          plain.flush();
        });
  }

  private static OutputStream packed(Path file, OutputStream plain) throws IOException {
    return file.toString().endsWith(".xz")
        ? new XZOutputStream(plain, new LZMA2Options())
        : new GZIPOutputStream(plain, BUFFER);
  }
}
