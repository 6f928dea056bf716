package org.jresnet.serve;

import io.undertow.util.Headers;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import org.jresnet.base.Text;
import org.jresnet.data.BadImageException;
import org.jresnet.data.ImageDecoder;
import org.jresnet.serve.ModelVersion.Answer;
import org.jresnet.serve.ModelVersion.Task;
import org.jresnet.serve.Uploads.Upload;

/** {@code POST /v1/predict}: body, images, batches, answer; no thread waits for the next step. */
final class Predictions {
  private static final Set<String> PARAMETERS = Set.of("model", "heat_map");

  private final Models models;
  private final Metrics metrics;
  private final ServerOptions.Bounds bounds;
  private final Executor workers;
  private final Body.Memory bodies;
  private final AtomicInteger underWay = new AtomicInteger();
  private volatile boolean draining;

  Predictions(
      Models models,
      Metrics metrics,
      ServerOptions.Bounds bounds,
      Executor workers,
      Body.Memory bodies) {
    this.models = models;
    this.metrics = metrics;
    this.bounds = bounds;
    this.workers = workers;
    this.bodies = bodies;
  }

  /** What is the same for all images of a request. */
  private record Request(Call call, ServedModel model, ModelVersion version, boolean heatMap) {}

  /** An image's part of the answer. */
  private record Part(boolean predicted, Map<String, Object> values) {}

  /** Begins; runs on the input thread. */
  void handle(Call call) {
    underWay.incrementAndGet();
    call.atEnd(underWay::decrementAndGet);
    if (draining) {
      throw Problem.later(503, "the server is about to end", 1);
    }
    ServedModel model = models.get(parameter(call, "model"));
    boolean heatMap = heatMap(parameter(call, "heat_map"));
    requirePlace(model, model.batcher().taken() < model.batcher().limits().places());
    Body.read(
        call, bounds, bodies, body -> workers.execute(() -> predict(call, model, heatMap, body)));
  }

  private static String parameter(Call call, String name) {
    Map<String, Deque<String>> query = call.exchange().getQueryParameters();
    for (Map.Entry<String, Deque<String>> entry : query.entrySet()) {
      if (!PARAMETERS.contains(entry.getKey()) || entry.getValue().size() > 1) {
        throw new Problem(
            400,
            Text.format(
                "the query may hold each of %s once, found '%s'",
                PARAMETERS.stream().sorted().toList(), Text.visible(entry.getKey())));
      }
    }
    return query.containsKey(name) ? query.get(name).getFirst() : null;
  }

  private static boolean heatMap(String value) {
    if (value != null && !value.equals("true") && !value.equals("false")) {
      throw new Problem(
          400, Text.format("heat_map is true or false, found '%s'", Text.visible(value)));
    }
    return "true".equals(value);
  }

  private static void requirePlace(ServedModel model, boolean there) {
    if (!there) {
      throw Problem.later(
          429,
          Text.format(
              "as many images wait for '%s' as may (%s); try again later",
              model.name(), model.batcher().limits().places()),
          model.batcher().secondsOfWork());
    }
  }

  private void predict(Call call, ServedModel model, boolean heatMap, ByteBuffer body) {
    try {
      int most = model.batcher().limits().places();
      List<Upload> uploads =
          Uploads.of(
              call.exchange().getRequestHeaders().getFirst(Headers.CONTENT_TYPE),
              body,
              most,
              call.exchange().getConnection().getByteBufferPool());
      call.about(model.name(), uploads.size());
      requirePlace(model, model.batcher().reserve(uploads.size()));
      Request request = new Request(call, model, model.acquire(), heatMap);
      List<CompletableFuture<Part>> parts = new ArrayList<>();
      for (int i = 0; i < uploads.size(); i++) {
        Upload upload = uploads.get(i);
        Path name = Path.of(uploads.size() == 1 ? "the image" : "image " + (i + 1));
        parts.add(
            uploads.size() == 1
                ? part(request, upload, name)
                : CompletableFuture.supplyAsync(() -> part(request, upload, name), workers)
                    .thenCompose(future -> future));
      }
      CompletableFuture.allOf(parts.toArray(CompletableFuture[]::new))
          .whenCompleteAsync((all, failure) -> end(request, parts, failure), workers);
    } catch (RuntimeException | Error e) {
      call.fail(e);
    }
  }

  /** Decodes an image and hands it over to be computed; its reserved place is used up. */
  private CompletableFuture<Part> part(Request request, Upload upload, Path name) {
    long start = System.nanoTime();
    ImageDecoder.Input input;
    try {
      if (request.call().over()) {
        throw new Problem(Call.HUNG_UP, "the client went away");
      }
      input = ImageDecoder.input(name, upload.bytes(), request.version().preprocess());
    } catch (BadImageException e) {
      request.model().batcher().release();
      metrics.bad(request.model().name());
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("file", upload.name());
      values.put("error", e.getMessage());
      return CompletableFuture.completedFuture(new Part(false, values));
    } catch (RuntimeException | Error e) {
      request.model().batcher().release();
      return CompletableFuture.failedFuture(e);
    }
    long decoding = System.nanoTime() - start;
    metrics.decoded(request.model().name(), decoding / 1e9);
    return request
        .model()
        .batcher()
        .submit(new Task(request.version(), input.pixels(), request.heatMap()))
        .thenApply(done -> part(request, upload, input, decoding, done));
  }

  private Part part(
      Request request,
      Upload upload,
      ImageDecoder.Input input,
      long decoding,
      Batcher.Done<Answer> done) {
    metrics.predicted(request.model().name(), done);
    Answer answer = done.output();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("file", upload.name());
    values.putAll(request.version().values(answer.prediction()));
    answer
        .heatMap()
        .ifPresent(
            map ->
                values.put(
                    "heat_map",
                    HeatMaps.values(
                        map,
                        request.version().label(answer.prediction()),
                        input,
                        request.version().preprocess())));
    answer.withoutHeatMap().ifPresent(reason -> values.put("heat_map_error", reason));
    values.put("batch", done.batch());
    Map<String, Object> timings = new LinkedHashMap<>();
    timings.put("decode", decoding / 1e6);
    timings.put("wait", done.waitedNanos() / 1e6);
    timings.put("pass", done.passNanos() / 1e6);
    values.put("timings_ms", timings);
    return new Part(true, values);
  }

  private static void end(Request request, List<CompletableFuture<Part>> parts, Throwable failure) {
    Call call = request.call();
    try {
      if (failure != null) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        call.fail(cause);
        return;
      }
      List<Part> all = parts.stream().map(CompletableFuture::join).toList();
      if (all.stream().noneMatch(Part::predicted)) {
        throw new Problem(
            422,
            all.get(0).values().get("error")
                + (all.size() == 1 ? "" : "; nor are the others images that can be decoded"));
      }
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("model", request.model().name());
      values.put("version", request.version().digest());
      values.put("images", all.stream().map(Part::values).toList());
      values.put("timings_ms", Map.of("total", call.seconds() * 1e3));
      call.json(values);
    } catch (RuntimeException | Error e) {
      call.fail(e);
    } finally {
      request.version().release();
    }
  }

  /** Refuses new requests from now on. */
  void drain() {
    draining = true;
  }

  boolean draining() {
    return draining;
  }

  /** Requests that have begun and not ended. */
  int underWay() {
    return underWay.get();
  }
}
