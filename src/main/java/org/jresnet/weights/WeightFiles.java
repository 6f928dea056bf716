package org.jresnet.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.UserError;
import org.jresnet.graph.Graph;

/** Reads weight files by their content and writes them by their extension. */
public final class WeightFiles {
  private static final int START = 16;

  /**
   * What is looked for in a file that may hold more.
   *
   * @param networks those of which one is expected; empty if it may be anything
   * @param entry the state dict to take out of a checkpoint, such as {@code model_ema} or {@code
   *     checkpoint.model}; empty for the likeliest
   */
  public record Wanted(List<Graph> networks, Optional<String> entry) {
    /** Whatever the file holds. */
    public static final Wanted ANYTHING = new Wanted(List.of(), Optional.empty());

    /** Copies the list. */
    public Wanted {
      networks = List.copyOf(networks);
    }
  }

  private WeightFiles() {}

  /**
   * Reads a safetensors or PyTorch file; the first bytes decide which.
   *
   * @throws UserError saying what is wrong with the file
   */
  public static StateDict read(Path file) {
    return read(file, Wanted.ANYTHING);
  }

  /**
   * Reads what is wanted of a safetensors or PyTorch file, or of safetensors in several files
   * (their index, or its folder), without the prefixes that wrappers gave the names.
   *
   * @throws UserError saying what is wrong with the file
   */
  public static StateDict read(Path file, Wanted wanted) {
    if (Files.isDirectory(file)) {
      return read(
          index(file)
              .orElseThrow(
                  () ->
                      new UserError(
                          file
                              + " is a folder without "
                              + ShardedSafetensors.SUFFIX
                              + " file; expected a .safetensors or .pth file")),
          wanted);
    }
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new UserError(file + " is a device or pipe, expected a .safetensors or .pth file");
    }
    try (FileChannel channel = FileChannel.open(file)) {
      PublishedWeights.check(file, channel, wanted.networks());
      StateDict dict = read(file, channel, wanted);
      requireReadable(file, dict);
      return dict;
    } catch (NoSuchFileException e) {
      throw new UserError("the weight file " + file + " does not exist", e);
    } catch (AccessDeniedException e) {
      throw new UserError("the weight file " + file + " cannot be read: permission denied", e);
    } catch (IOException e) {
      throw new UserError("the weight file " + file + " cannot be read: " + e.getMessage(), e);
    } catch (OutOfMemoryError e) {
      throw new UserError(
          "the weight file "
              + file
              + " does not fit into the "
              + (Runtime.getRuntime().maxMemory() >> 20)
              + " MiB of Java memory; raise the limit with JRESNET_OPTS=-Xmx8g",
          e);
    }
  }

  /**
   * The index of sharded safetensors in a folder, if it holds one.
   *
   * @throws UserError when it holds several, or cannot be read
   */
  public static Optional<Path> index(Path folder) {
    try {
      return ShardedSafetensors.index(folder);
    } catch (IOException e) {
      throw new UserError("the folder " + folder + " cannot be read: " + e.getMessage(), e);
    }
  }

  /**
   * The index and the weight files beside it, where a file is the index of sharded safetensors;
   * else nothing.
   *
   * @throws UserError when the folder cannot be read
   */
  public static List<Path> parts(Path file) {
    if (!file.toString().endsWith(ShardedSafetensors.SUFFIX)) {
      return List.of();
    }
    Path folder = file.toAbsolutePath().getParent();
    try (Stream<Path> entries = Files.list(folder)) {
      return Stream.concat(
              Stream.of(file.toAbsolutePath()),
              entries.filter(e -> e.toString().endsWith(ShardedSafetensors.EXTENSION)))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UserError("the folder " + folder + " cannot be read: " + e.getMessage(), e);
    }
  }

  private static StateDict read(Path file, FileChannel channel, Wanted wanted) throws IOException {
    if (channel.size() == 0) {
      throw new UserError("the weight file " + file + " is empty (0 bytes); get it again");
    }
    if (file.toString().endsWith(ShardedSafetensors.SUFFIX)) {
      return plain(ShardedSafetensors.read(file, channel), wanted);
    }
    ByteBuffer start = FileBytes.read(channel, 0, (int) Math.min(START, channel.size()));
    // Safetensors first: the length of its header may look like the start of any other form, but
    // neither of them has a brace as ninth byte.
    if (start.limit() > 8 && start.get(8) == '{' && start.getLong(0) >>> 40 == 0) {
      return plain(Safetensors.read(file, channel), wanted);
    }
    PyTorchReader torch = new PyTorchReader(file, channel.size(), wanted);
    if (startsWith(start, 'P', 'K', 3, 4)) {
      return torch.readZip();
    } else if (startsWith(start, 0x80) && start.limit() > 1 && start.get(1) <= 5) {
      return torch.readLegacy(channel);
    }
    if (file.toString().toLowerCase(Locale.ROOT).endsWith(".onnx")) {
      throw new UserError(
          file
              + " is an ONNX file; take its weights out first: jresnet convert FILE.onnx"
              + " FILE.safetensors --model NAME");
    }
    throw new UserError(
        file
            + " is no weight file: it has "
            + channel.size()
            + " bytes and starts with "
            + HexFormat.ofDelimiter(" ").formatHex(start.array())
            + " ('"
            + new String(start.array(), StandardCharsets.US_ASCII).replaceAll("[^ -~]", ".")
            + "'); expected a safetensors file or a PyTorch file (zip or pickle)");
  }

  /** Safetensors files have one dict; its names may have prefixes. */
  private static StateDict plain(StateDict dict, Wanted wanted) {
    Optional<NetworkNames.Fit> fit = NetworkNames.find(dict.tensors().keySet(), wanted.networks());
    if (fit.isEmpty()) {
      return dict;
    }
    List<String> notes = new ArrayList<>(dict.notes());
    return new StateDict(NetworkNames.strip(dict.tensors(), fit, notes), dict.metadata(), notes);
  }

  private static boolean startsWith(ByteBuffer start, int... magic) {
    for (int i = 0; i < magic.length; i++) {
      if (i >= start.limit() || (start.get(i) & 255) != magic[i]) {
        return false;
      }
    }
    return true;
  }

  /** So that damaged metadata are reported with the file's name. */
  private static void requireReadable(Path file, StateDict dict) {
    try {
      ModelInfo.of(dict.metadata());
    } catch (UserError e) {
      throw new UserError(file + ": " + e.getMessage(), e);
    }
  }

  /**
   * Writes a file atomically: {@code .safetensors} (with metadata), {@code .pth} and {@code .pt}
   * (without), or {@code .ckpt}, a checkpoint of jresnet in the form of safetensors.
   *
   * @throws UserError for another extension, or when the file cannot be written; the old file is
   *     then untouched
   */
  public static void write(Path file, StateDict dict) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".pth") || name.endsWith(".pt")) {
      AtomicFile.write(file, channel -> PyTorchWriter.write(dict, channel));
    } else if (name.endsWith(".safetensors") || name.endsWith(".ckpt")) {
      AtomicFile.write(file, channel -> Safetensors.write(dict, channel));
    } else {
      throw new UserError(
          "cannot tell the format of " + file + "; expected the extension .safetensors or .pth");
    }
  }
}
