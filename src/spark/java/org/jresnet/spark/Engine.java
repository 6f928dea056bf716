package org.jresnet.spark;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.apache.spark.SparkFiles;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Tuning;
import org.jresnet.backend.cpu.CpuOptions;
import org.jresnet.base.Digests;
import org.jresnet.base.Named;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Preprocess;
import org.jresnet.data.RgbImage;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.BackendSettings;
import org.jresnet.engine.Compute;
import org.jresnet.train.BatchPredictor;
import org.jresnet.train.Classifier;
import org.jresnet.train.Decision;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.Prediction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The network of an executor: opened by the first task that needs it, shared by all, and kept until
 * the executor ends. Tasks decode their images side by side; one thread computes for all of them,
 * with the threads of OpenMP.
 */
final class Engine {
  private static final Logger LOG = LoggerFactory.getLogger(Engine.class);
  private static final String THREADS = "OMP_NUM_THREADS";
  private static final Map<Settings, Engine> OPEN = new ConcurrentHashMap<>();

  private final ExecutorService computing =
      Executors.newSingleThreadExecutor(
          work -> {
            Thread thread = new Thread(work, "jresnet");
            thread.setDaemon(true);
            return thread;
          });
  private final Preprocess preprocess;
  private final Decision decision;
  private final BatchPredictor predictor;

  /** The engine of this executor. */
  static Engine of(Settings settings) {
    return OPEN.computeIfAbsent(settings, Engine::new);
  }

  /** How many this process has opened. */
  static int opened() {
    return OPEN.size();
  }

  private Engine(Settings settings) {
    requireThreads(settings.threads());
    Path file = Path.of(SparkFiles.get(settings.model()));
    String found = Digests.ofFile(file, "the model", () -> false);
    if (!found.equals(settings.sha256())) {
      throw new UserError(
          Text.format(
              "the model %s of this executor has the SHA-256 %s, the driver's has %s; ship one file"
                  + " to all",
              file, found, settings.sha256()));
    }
    decision =
        new Decision(
            settings.operatingPoint(),
            settings.error() > 0 ? OptionalDouble.of(settings.error()) : OptionalDouble.empty());
    CpuOptions defaults = CpuOptions.defaults();
    CpuOptions cpu =
        new CpuOptions(
            Named.of(Tuning.class, "--tune", settings.tune()),
            defaults.winograd(),
            defaults.cache());
    Classifier classifier =
        compute(
            () -> {
              Compute compute =
                  Compute.open(
                      BackendKind.CPU,
                      Optional.of(Precision.of(settings.precision())),
                      new BackendSettings(cpu, BackendSettings.defaults().gpu()));
              Classifier opened =
                  Classifier.open(ModelFiles.open(file, Optional.empty()), compute, LOG::info);
              decision.require(opened.calibration(), LOG::info);
              return opened;
            });
    preprocess = classifier.preprocess();
    predictor = compute(() -> classifier.equalBatches(settings.batch()));
    LOG.info("jresnet computes with {} threads, model {}", settings.threads(), found);
  }

  /** OpenMP reads its number of threads before Java starts; without it, it takes all processors. */
  private static void requireThreads(int threads) {
    String found = System.getenv(THREADS);
    boolean all = found == null && threads == Runtime.getRuntime().availableProcessors();
    if (!all && !String.valueOf(threads).equals(found)) {
      throw new UserError(
          Text.format(
              "%s must be %s where this executor starts, and is %s; start a local master with %s=%s"
                  + " spark-submit …, and executors with --conf spark.executorEnv.%s=%s",
              THREADS, threads, found, THREADS, threads, THREADS, threads));
    }
  }

  /** How images become input. */
  Preprocess preprocess() {
    return preprocess;
  }

  /** How predictions become verdicts. */
  Decision decision() {
    return decision;
  }

  /** Images of a pass. */
  int batch() {
    return predictor.largest();
  }

  /** Predicts inputs of the network. */
  List<Prediction> predict(List<RgbImage> inputs) {
    return compute(() -> predictor.predict(inputs));
  }

  private <T> T compute(Supplier<T> work) {
    Future<T> result = computing.submit(work::get);
    try {
      return result.get();
    } catch (InterruptedException e) {
      // Spark cancels the task. What it asked for is computed, and nobody waits for it.
      Thread.currentThread().interrupt();
      throw new IllegalStateException("the task was cancelled", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      } else if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw new IllegalStateException(e.getCause());
    }
  }
}
