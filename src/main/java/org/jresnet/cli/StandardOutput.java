package org.jresnet.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/**
 * Standard output in UTF-8 that keeps the reason why it could not be written; a {@link PrintStream}
 * only says that there is one.
 */
final class StandardOutput extends PrintStream {
  private final Watched watched;

  private StandardOutput(Watched watched) {
    super(new BufferedOutputStream(watched), true, StandardCharsets.UTF_8);
    this.watched = watched;
  }

  static StandardOutput open() {
    return new StandardOutput(new Watched(new FileOutputStream(FileDescriptor.out)));
  }

  /** Why it could not be written. */
  Optional<String> failure() {
    return Optional.ofNullable(watched.failure).map(IOException::getMessage);
  }

  /** Whether the reader went away, as {@code head} does when it has seen enough. */
  boolean closedByReader() {
    return failure().filter(m -> m.toLowerCase(Locale.ROOT).contains("broken pipe")).isPresent();
  }

  private static final class Watched extends OutputStream {
    private final OutputStream out;
    private volatile IOException failure;

    Watched(OutputStream out) {
      this.out = out;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int count) throws IOException {
      try {
        out.write(bytes, from, count);
      } catch (IOException e) {
        failure = failure == null ? e : failure;
        throw e;
      }
    }
  }
}
