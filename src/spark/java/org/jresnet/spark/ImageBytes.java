package org.jresnet.spark;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.sql.Row;
import org.apache.spark.util.SerializableConfiguration;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageFolder;

/**
 * The bytes of the images of rows (path, content).
 *
 * @param files with which files are read; null where the content is in the rows
 */
record ImageBytes(SerializableConfiguration files) implements Serializable {
  /** Tasks hold one such file each. Photographs have a few million bytes. */
  static final int MOST = 256 << 20;

  private static final int MOST_DEPTH = 32;

  /**
   * The images below a folder or a pattern, sorted, as {@code predict} finds them. Spark's own
   * listing leaves out files without content.
   *
   * @throws UserError when there is none
   */
  static List<String> names(String input, Configuration hadoop) throws IOException {
    org.apache.hadoop.fs.Path pattern = new org.apache.hadoop.fs.Path(input);
    FileSystem system = pattern.getFileSystem(hadoop);
    FileStatus[] roots = system.globStatus(pattern);
    List<String> names = new ArrayList<>();
    for (FileStatus root : roots == null ? new FileStatus[0] : roots) {
      walk(system, root, 0, names);
    }
    if (names.isEmpty()) {
      throw new UserError(Text.format("there are no images in %s", input));
    }
    names.sort(ImageFolder::pythonOrder);
    return names;
  }

  /** Asks for names alone: of local files Hadoop starts a process each to learn their owners. */
  private static void walk(FileSystem system, FileStatus at, int depth, List<String> names)
      throws IOException {
    if (depth > MOST_DEPTH) {
      throw new UserError(
          Text.format("%s lies too deep; does a link lead back into its folder?", at.getPath()));
    }
    if (!at.isDirectory()) {
      if (ImageFolder.isImage(Path.of(at.getPath().getName()))) {
        names.add(at.getPath().toString());
      }
      return;
    }
    for (FileStatus entry : system.listStatus(at.getPath())) {
      if (!entry.getPath().getName().startsWith(".")) {
        walk(system, entry, depth + 1, names);
      }
    }
  }

  /**
   * Of one row.
   *
   * @throws IOException saying why there are none
   */
  byte[] of(Row row) throws IOException {
    byte[] content = files == null ? (byte[]) row.get(1) : read(row.getString(0));
    if (content == null) {
      throw new IOException("the content is null");
    } else if (content.length > MOST) {
      throw new IOException(Text.format("has more than %s bytes, the most that is read", MOST));
    }
    return content;
  }

  private byte[] read(String name) throws IOException {
    org.apache.hadoop.fs.Path path = new org.apache.hadoop.fs.Path(name);
    FileSystem system = path.getFileSystem(files.value());
    try (InputStream in = system.open(path)) {
      return in.readNBytes(MOST + 1);
    } catch (FileNotFoundException e) {
      throw new IOException("does not exist, or may not be read", e);
    }
  }
}
