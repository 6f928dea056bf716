package org.jresnet.serve.studio;

import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jresnet.base.UserError;
import org.jresnet.engine.Compute;
import org.jresnet.serve.FileState;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;

/** Computes for all pages, one request after the other: a network is used from one thread. */
final class Engine implements AutoCloseable {
  /** A model that was opened, until its file changes. */
  private record Opened(Path run, Optional<FileState> state, LoadedModel model) {}

  private final Supplier<Compute> open;
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(work -> new Thread(work, "studio engine"));
  private Compute compute;
  private Opened opened;

  Engine(Supplier<Compute> open) {
    this.open = open;
  }

  /** Computes something and waits for it. */
  <T> T compute(Function<Compute, T> work) {
    return call(
        () -> {
          if (compute == null) {
            compute = open.get();
          }
          return work.apply(compute);
        });
  }

  /** The model of a run, in host memory. */
  LoadedModel model(Path run) {
    return call(
        () -> {
          Optional<FileState> state = FileState.of(run);
          if (opened == null || !opened.run.equals(run) || !opened.state.equals(state)) {
            opened = new Opened(run, state, ModelFiles.open(run, Optional.empty()));
          }
          return opened.model;
        });
  }

  private <T> T call(Callable<T> work) {
    Future<T> result = thread.submit(work);
    try {
      return result.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UserError("the studio is about to end", e);
    }
  }

  @Override
  public void close() {
    if (compute != null) {
      call(
          () -> {
            compute.close();
            return null;
          });
    }
    thread.shutdown();
  }
}
