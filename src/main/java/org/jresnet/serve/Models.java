package org.jresnet.serve;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jresnet.base.Text;

/** The models of a server by name, and the thread that looks whether their files have changed. */
final class Models {
  private static final long LOOK_SECONDS = 1;

  private final Map<String, ServedModel> byName = new LinkedHashMap<>();
  private final Consumer<String> notes;
  private final Metrics metrics;
  private final ScheduledExecutorService watch =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "watch of model files");
            thread.setDaemon(true);
            return thread;
          });

  /** Loads all of them; the first one answers requests that name none. */
  Models(
      List<ModelSource> sources,
      ServerOptions.Batching batching,
      Metrics metrics,
      Consumer<String> notes) {
    this.notes = notes;
    this.metrics = metrics;
    ReentrantLock turn = new ReentrantLock(true);
    Batcher.Limits limits =
        new Batcher.Limits(batching.largest(), batching.delay().toNanos(), batching.queue());
    try {
      for (ModelSource source : sources) {
        ServedModel model = new ServedModel(source, limits, turn, notes);
        byName.put(source.name(), model);
        metrics.watch(model);
      }
    } catch (RuntimeException | Error e) {
      close(Duration.ZERO);
      throw e;
    }
    watch.scheduleWithFixedDelay(this::reload, LOOK_SECONDS, LOOK_SECONDS, TimeUnit.SECONDS);
  }

  /**
   * A model by name.
   *
   * @param name null for the first
   * @throws Problem when there is none of that name
   */
  ServedModel get(String name) {
    ServedModel model = name == null ? byName.values().iterator().next() : byName.get(name);
    if (model == null) {
      throw new Problem(
          404,
          Text.format("no model is named '%s'; there are %s", Text.visible(name), byName.keySet()));
    }
    return model;
  }

  List<String> names() {
    return List.copyOf(byName.keySet());
  }

  private void reload() {
    for (ServedModel model : byName.values()) {
      try {
        model
            .reload(notes)
            .ifPresent(
                version -> {
                  metrics.reloaded(model.name(), true);
                  notes.accept(
                      Text.format(
                          "%s has changed: version %s serves now", model.name(), version.digest()));
                });
      } catch (RuntimeException | Error e) {
        metrics.reloaded(model.name(), false);
        notes.accept(
            Text.format(
                "%s has changed, but cannot be served, so the version before stays: %s",
                model.name(), e.getMessage()));
      }
    }
  }

  /**
   * Computes what waits, and closes all.
   *
   * @return false when something was given up
   */
  boolean close(Duration timeout) {
    watch.shutdown();
    long end = System.nanoTime() + timeout.toNanos();
    boolean all = true;
    try {
      // A reload under way ends first: what it opens must be closed here.
      watch.awaitTermination(1, TimeUnit.HOURS);
      for (ServedModel model : byName.values()) {
        all &= model.close(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      all = false;
    }
    return all;
  }
}
