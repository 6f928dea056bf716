package org.jresnet.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Precision;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Batch;
import org.jresnet.data.Loader;
import org.jresnet.data.Sample;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Calibration;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable;
import org.jresnet.metrics.Proportion;

/**
 * Post-training quantisation: measures the ranges of an int8 network on some images, and what int8
 * changes on the others.
 */
public final class Quantizer {
  private static final int THREADS = 2;

  private final LoadedModel loaded;
  private final int batch;

  /**
   * What int8 changes.
   *
   * @param before images that single precision gets right, none of which was calibrated with
   * @param after those of them that int8 gets right
   * @param agreement those of them to which both give the same class
   */
  public record Effect(Proportion before, Proportion after, Proportion agreement) {}

  /** A quantizer of that model, which takes so many images per pass. */
  public Quantizer(LoadedModel loaded, int batch) {
    this.loaded = loaded;
    this.batch = batch;
  }

  /**
   * The samples that calibrate, evenly spread over all, and those that are left to measure on.
   *
   * @param calibrating exactly as many as asked for, but at most half of all
   * @param measuring all others
   */
  public record Parts(List<Sample> calibrating, List<Sample> measuring) {
    /** Divides the samples. */
    public static Parts of(List<Sample> samples, int wanted) {
      long count = Math.min(wanted, samples.size() / 2);
      List<Sample> calibrating = new ArrayList<>();
      List<Sample> measuring = new ArrayList<>();
      for (int i = 0; i < samples.size(); i++) {
        boolean next = (i + 1) * count / samples.size() > i * count / samples.size();
        (next ? calibrating : measuring).add(samples.get(i));
      }
      return new Parts(calibrating, measuring);
    }
  }

  /**
   * Refuses a network that int8 cannot compute here.
   *
   * @throws org.jresnet.base.UserError naming the first node in the way
   */
  public void requireInt8() {
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Classifier classifier = Classifier.open(loaded, compute, note -> {});
        Calibration calibration = calibration(classifier, 1)) {
      calibration.requireInt8();
    }
  }

  private Calibration calibration(Classifier classifier, int size) {
    return new Calibration(
        classifier.model(),
        size,
        loaded.preprocess().size(),
        ModelFiles.normalization(loaded.info()));
  }

  /** The ranges in single precision, by node. */
  public Map<String, Float> ranges(List<Sample> samples, Evaluator.Progress progress) {
    int size = Math.min(batch, samples.size());
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Classifier classifier = Classifier.open(loaded, compute, note -> {});
        Calibration calibration = calibration(classifier, size);
        Loader loader = loader(samples, size);
        Loader.Epoch epoch = loader.epoch(0, 0)) {
      int done = 0;
      for (Batch b = epoch.next(); b != null; b = epoch.next()) {
        calibration.add(b.pixels(), b.count());
        done += b.count();
        progress.done(done);
      }
      return calibration.ranges();
    }
  }

  /** Evaluates the samples in both precisions. */
  public Effect effect(
      List<Sample> samples, Map<String, Float> ranges, Evaluator.Progress progress) {
    LoadedModel ranged = loaded.withInfo(loaded.info().withRanges(ranges));
    int size = Math.min(batch, samples.size());
    int classes = loaded.info().classes().size();
    int before = 0;
    int after = 0;
    int agreed = 0;
    int done = 0;
    try (Compute floats = Compute.open(BackendKind.CPU, Precision.FP32);
        Compute integers = Compute.open(BackendKind.CPU, Precision.INT8);
        Classifier single = Classifier.open(ranged, floats, note -> {});
        Classifier quantized = Classifier.open(ranged, integers, note -> {});
        Executable exact = single.compile(size);
        Executable rounded = quantized.compile(size);
        Loader loader = loader(samples, size);
        Loader.Epoch epoch = loader.epoch(0, 0)) {
      for (Batch b = epoch.next(); b != null; b = epoch.next()) {
        float[] wanted = Logits.of(exact, b.pixels());
        float[] found = Logits.of(rounded, b.pixels());
        for (int i = 0; i < b.count(); i++) {
          int w = Evaluator.best(Evaluator.softmax(wanted, i * classes, classes));
          int f = Evaluator.best(Evaluator.softmax(found, i * classes, classes));
          before += w == b.labels()[i] ? 1 : 0;
          after += f == b.labels()[i] ? 1 : 0;
          agreed += w == f ? 1 : 0;
        }
        done += b.count();
        progress.done(done);
      }
    }
    return new Effect(
        new Proportion(before, done), new Proportion(after, done), new Proportion(agreed, done));
  }

  private Loader loader(List<Sample> samples, int size) {
    return new Loader(
        samples,
        loaded.preprocess(),
        Augmentation.NONE,
        new Loader.Options(size, THREADS, 0, Loader.Order.SEQUENTIAL, Loader.BadImages.STOP));
  }
}
