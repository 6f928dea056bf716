package org.jresnet.serve;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jresnet.base.UserError;

/** A model under its name: the version that serves now, and what waits to be computed by it. */
final class ServedModel {
  private final ModelSource source;
  private final int largest;
  private final AtomicReference<ModelVersion> current;
  private final Batcher<ModelVersion.Task, ModelVersion.Answer> batcher;
  private FileState seen;

  /**
   * Loads it.
   *
   * @param turn of models to compute: two at once would only disturb each other
   */
  ServedModel(
      ModelSource source, Batcher.Limits limits, ReentrantLock turn, Consumer<String> notes) {
    this.source = source;
    largest = limits.largest();
    seen = FileState.of(source.path()).orElse(null);
    current = new AtomicReference<>(new ModelVersion(source, largest, notes));
    batcher = new Batcher<>(source.name(), limits, tasks -> pass(tasks, turn));
  }

  private static List<ModelVersion.Answer> pass(List<ModelVersion.Task> tasks, ReentrantLock turn) {
    Map<ModelVersion, List<Integer>> versions = new LinkedHashMap<>();
    for (int i = 0; i < tasks.size(); i++) {
      versions.computeIfAbsent(tasks.get(i).version(), v -> new ArrayList<>()).add(i);
    }
    List<ModelVersion.Answer> answers = new ArrayList<>(Collections.nCopies(tasks.size(), null));
    turn.lock();
    try {
      versions.forEach(
          (version, indices) -> {
            List<ModelVersion.Answer> some =
                version.predict(indices.stream().map(tasks::get).toList());
            for (int i = 0; i < some.size(); i++) {
              answers.set(indices.get(i), some.get(i));
            }
          });
    } finally {
      turn.unlock();
    }
    return answers;
  }

  String name() {
    return source.name();
  }

  Batcher<ModelVersion.Task, ModelVersion.Answer> batcher() {
    return batcher;
  }

  /** The version that serves now, held for the caller, who releases it. */
  ModelVersion acquire() {
    while (true) {
      ModelVersion version = current.get();
      if (version.acquire()) {
        return version;
      }
    }
  }

  /**
   * Replaces the version if its file has changed: the old one serves until the new one is ready,
   * and stays if that fails.
   *
   * @return whether there is a new version; empty when nothing has changed
   * @throws UserError when the changed file cannot be served
   */
  Optional<ModelVersion> reload(Consumer<String> notes) {
    Optional<FileState> now = FileState.of(source.path());
    if (now.isEmpty() || now.get().equals(seen)) {
      return Optional.empty();
    }
    seen = now.get();
    ModelVersion fresh = new ModelVersion(source, largest, notes);
    current.getAndSet(fresh).release();
    return Optional.of(fresh);
  }

  /** Computes what waits, and closes; see {@link Batcher#close(long, TimeUnit)}. */
  boolean close(long timeout, TimeUnit unit) throws InterruptedException {
    try {
      return batcher.close(timeout, unit);
    } finally {
      current.get().release();
    }
  }
}
