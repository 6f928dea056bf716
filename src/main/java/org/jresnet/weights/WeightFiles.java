package org.jresnet.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Locale;
import org.jresnet.graph.UserError;

/** Reads weight files by their content and writes them by their extension. */
public final class WeightFiles {
  private WeightFiles() {}

  /**
   * Reads a safetensors or PyTorch file; the first bytes decide which.
   *
   * @throws UserError saying what is wrong with the file
   */
  public static StateDict read(Path file) {
    if (!Files.exists(file)) {
      throw new UserError("the weight file " + file + " does not exist");
    }
    if (Files.isDirectory(file)) {
      throw new UserError(file + " is a folder, expected a .safetensors or .pth file");
    }
    try (FileChannel channel = FileChannel.open(file)) {
      if (channel.size() == 0) {
        throw new UserError("the weight file " + file + " is empty (0 bytes)");
      }
      byte[] start = new byte[(int) Math.min(10, channel.size())];
      channel.read(ByteBuffer.wrap(start), 0);
      if (start.length > 3
          && start[0] == 'P'
          && start[1] == 'K'
          && start[2] == 3
          && start[3] == 4) {
        return PyTorchFile.readZip(file);
      } else if (start.length > 1 && start[0] == (byte) 0x80 && start[1] >= 2 && start[1] <= 5) {
        return PyTorchFile.readLegacy(file);
      } else if (start.length > 8 && start[8] == '{' || file.toString().endsWith(".safetensors")) {
        return Safetensors.read(file, channel);
      }
      throw new UserError(
          file
              + " is no weight file: it starts with the bytes "
              + HexFormat.ofDelimiter(" ").formatHex(start)
              + "; expected a safetensors file or a PyTorch file (zip or pickle)");
    } catch (AccessDeniedException e) {
      throw new UserError("the weight file " + file + " cannot be read: permission denied", e);
    } catch (IOException e) {
      throw new UserError("the weight file " + file + " cannot be read: " + e.getMessage(), e);
    } catch (OutOfMemoryError e) {
      throw new UserError(
          "the weight file "
              + file
              + " does not fit into memory; raise the limit with JRESNET_OPTS=-Xmx8g",
          e);
    }
  }

  /**
   * Writes a file atomically: {@code .safetensors} (with metadata), or {@code .pth} and {@code .pt}
   * (without).
   *
   * @throws UserError for another extension, or when the file cannot be written; the old file is
   *     then untouched
   */
  public static void write(Path file, StateDict dict) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".pth") || name.endsWith(".pt")) {
      AtomicFile.write(file, channel -> PyTorchFile.write(dict, channel));
    } else if (name.endsWith(".safetensors") || name.endsWith(".ckpt")) {
      AtomicFile.write(file, channel -> Safetensors.write(dict, channel));
    } else {
      throw new UserError(
          "cannot tell the format of " + file + "; expected the extension .safetensors or .pth");
    }
  }
}
