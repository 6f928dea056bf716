package org.jresnet.base;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads files that a user named: a pipe would block for ever, a device would never end. */
public final class RegularFile {
  private RegularFile() {}

  /**
   * Refuses what is missing, a folder, a pipe or a device.
   *
   * @param what names the kind of file in messages, such as "the weight file"
   */
  public static void require(Path file, String what) {
    if (Files.isRegularFile(file)) {
      return;
    }
    throw new UserError(
        what
            + " "
            + file
            + (Files.isDirectory(file)
                ? " is a folder, expected a file"
                : Files.exists(file)
                    ? " is a device or pipe, expected an ordinary file"
                    : " does not exist"));
  }

  /**
   * The whole text of a file in UTF-8.
   *
   * @throws UserError when it is no regular file, has more than {@code maxBytes}, or is no UTF-8
   */
  public static String text(Path file, String what, int maxBytes) {
    require(file, what);
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(maxBytes + 1);
      if (bytes.length > maxBytes) {
        throw new UserError(
            what + " " + file + " has more than the " + maxBytes + " bytes allowed");
      }
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new UserError(what + " " + file + " is no UTF-8 text", e);
    } catch (IOException e) {
      throw unreadable(file, what, e);
    }
  }

  static UserError unreadable(Path file, String what, IOException e) {
    String reason =
        e instanceof AccessDeniedException
            ? "permission denied"
            // Those say which file it is, and by their class alone what is wrong with it.
            : e instanceof FileSystemException || e.getMessage() == null
                ? e.toString()
                : e.getMessage();
    return new UserError(what + " " + file + " cannot be read: " + reason, e);
  }
}
