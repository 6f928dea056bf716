package org.jresnet.cli;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.jresnet.base.Text;

/**
 * What {@code System.out} and {@code System.err} are while a command runs: a second guard, for the
 * log and for libraries that print by themselves. Every text becomes one visible line; {@link
 * Console} writes to the stream below, after escaping by itself.
 */
final class GuardedStream extends PrintStream {
  private final PrintStream unguarded;

  GuardedStream(PrintStream unguarded) {
    super(unguarded, true, StandardCharsets.UTF_8);
    this.unguarded = unguarded;
  }

  /** The stream below a guard. */
  static PrintStream below(PrintStream stream) {
    return stream instanceof GuardedStream guarded ? guarded.unguarded : stream;
  }

  @Override
  public void print(String text) {
    super.print(Text.visible(String.valueOf(text)).replace("\\u{9}", "\t"));
  }

  @Override
  public void print(Object value) {
    print(String.valueOf(value));
  }

  @Override
  public void print(char c) {
    print(String.valueOf(c));
  }

  @Override
  public void print(char[] text) {
    print(String.valueOf(text));
  }

  @Override
  public PrintStream append(CharSequence text) {
    print(String.valueOf(text));
    return this;
  }
}
