package org.jresnet.serve;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Optional;
import org.jresnet.base.UserError;
import org.jresnet.train.ModelFiles;

/**
 * What tells one state of a model file from the next: a file that is renamed into place has another
 * key, one that is written in place another time or size.
 *
 * @param file that was looked at
 * @param key of the file system
 * @param modified when it was written
 * @param size in bytes
 */
public record FileState(Path file, Object key, FileTime modified, long size) {
  /** The state now; empty while there is no such file. */
  public static Optional<FileState> of(Path model) {
    try {
      Path file = ModelFiles.file(model);
      BasicFileAttributes a = Files.readAttributes(file, BasicFileAttributes.class);
      return Optional.of(new FileState(file, a.fileKey(), a.lastModifiedTime(), a.size()));
    } catch (IOException | UserError e) {
      return Optional.empty();
    }
  }
}
