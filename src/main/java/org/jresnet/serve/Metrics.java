package org.jresnet.serve;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;

/** What the server counts, in Prometheus' text format. */
final class Metrics {
  /** Of the text format that Prometheus reads. */
  static final String TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

  private static final double[] SECONDS = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30
  };

  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final Map<String, ServedModel> models = new ConcurrentHashMap<>();
  private final Histogram requests =
      histogram("jresnet_request_seconds", "From the head of a request to its answer's end.")
          .labelNames("path", "status")
          .register(registry);
  private final Histogram decoding =
      histogram("jresnet_decode_seconds", "Decoding and resizing an image.")
          .labelNames("model")
          .register(registry);
  private final Histogram waiting =
      histogram("jresnet_wait_seconds", "An input's wait for its pass.")
          .labelNames("model")
          .register(registry);
  private final Histogram passes =
      histogram("jresnet_pass_seconds", "The pass that an image was computed in.")
          .labelNames("model")
          .register(registry);
  private final Histogram batches =
      Histogram.builder()
          .name("jresnet_batch_images")
          .help("Images in the pass that an image was computed in.")
          .classicOnly()
          .classicUpperBounds(1, 2, 4, 8, 16, 32, 64, 128)
          .labelNames("model")
          .register(registry);
  private final Counter images =
      Counter.builder()
          .name("jresnet_images_total")
          .help("Images by result: predicted, or bad where they could not be decoded.")
          .labelNames("model", "result")
          .register(registry);
  private final Counter reloads =
      Counter.builder()
          .name("jresnet_reloads_total")
          .help("Changed model files by result: served or refused.")
          .labelNames("model", "result")
          .register(registry);

  Metrics() {
    GaugeWithCallback.builder()
        .name("jresnet_queue_images")
        .help("Images that are decoded or wait for a pass.")
        .labelNames("model")
        .callback(gauge -> models.forEach((name, m) -> gauge.call(m.batcher().taken(), name)))
        .register(registry);
  }

  private static Histogram.Builder histogram(String name, String help) {
    return Histogram.builder().name(name).help(help).classicOnly().classicUpperBounds(SECONDS);
  }

  /** Shows a model's queue. */
  void watch(ServedModel model) {
    models.put(model.name(), model);
  }

  /** Shows a number. */
  void gauge(String name, String help, LongSupplier value) {
    GaugeWithCallback.builder()
        .name(name)
        .help(help)
        .callback(gauge -> gauge.call(value.getAsLong()))
        .register(registry);
  }

  /**
   * A request ended.
   *
   * @param path of a route; those of no route share one name, for clients could invent any number
   */
  void request(String path, int status, double seconds) {
    requests.labelValues(path, Integer.toString(status)).observe(seconds);
  }

  void decoded(String model, double seconds) {
    decoding.labelValues(model).observe(seconds);
  }

  void bad(String model) {
    images.labelValues(model, "bad").inc();
  }

  void predicted(String model, Batcher.Done<?> done) {
    waiting.labelValues(model).observe(done.waitedNanos() / 1e9);
    passes.labelValues(model).observe(done.passNanos() / 1e9);
    batches.labelValues(model).observe(done.batch());
    images.labelValues(model, "predicted").inc();
  }

  void reloaded(String model, boolean served) {
    reloads.labelValues(model, served ? "served" : "refused").inc();
  }

  /** All of it. */
  String text() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      PrometheusTextFormatWriter.create().write(out, registry.scrape());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toString(StandardCharsets.UTF_8);
  }
}
