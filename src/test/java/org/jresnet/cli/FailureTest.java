package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.ExecutionException;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.Test;

final class FailureTest {
  private static String text(Throwable thrown) {
    Failure failure = Failure.of(thrown);
    assertThat(failure.code()).isEqualTo(1);
    assertThat(failure.lines()).hasSize(1);
    return failure.lines().get(0);
  }

  /** Loader threads hand their failures over as causes of causes. */
  private static Throwable fromWorker(Throwable error) {
    return new IllegalStateException("a loader thread failed", new ExecutionException(error));
  }

  @Test
  void errorsOfAnyThreadSayWhatToDo() {
    assertThat(text(new StackOverflowError())).contains("nested too deeply").contains("-Xss64m");
    assertThat(text(fromWorker(new StackOverflowError()))).contains("nested too deeply");
    assertThat(text(fromWorker(new OutOfMemoryError("Java heap space"))))
        .contains("Java heap of")
        .contains("JRESNET_OPTS=-Xmx4g");
    assertThat(text(new OutOfMemoryError("Physical memory usage is too high: 9 > 8")))
        .contains("outside the Java heap")
        .contains("smaller --batch");
    assertThat(text(new OutOfMemoryError("unable to create native thread: possibly out of memory")))
        .contains("thread")
        .contains("ulimit -u");
    assertThat(text(new ExceptionInInitializerError(new UnsatisfiedLinkError("no jnidnnl"))))
        .contains("does not load")
        .contains("no jnidnnl")
        .contains("doctor");
    assertThat(text(new NoClassDefFoundError("org/x/Y"))).contains("org/x/Y").contains("doctor");
    assertThat(text(fromWorker(new AssertionError("x")))).contains("unexpected failure");
  }

  @Test
  void whatAUserCanPutRightComesFirst() {
    UserError error = new UserError("a library does not load", new UnsatisfiedLinkError("x"));
    assertThat(Failure.of(error)).isEqualTo(new Failure(1, List.of("a library does not load")));
    assertThat(Failure.of(new UsageError("--x is wrong")).code()).isEqualTo(2);
    assertThat(Failure.of(new UserError("head", List.of("  a", "  b"))).lines())
        .containsExactly("head", "  a", "  b");
  }
}
