package org.jresnet.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Batch;
import org.jresnet.data.Loader;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Sample;
import org.jresnet.engine.Calibration;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.metrics.Proportion;
import org.jresnet.weights.ModelInfo;

/**
 * Post-training quantisation: measures the ranges of an int8 network on some pictures, and what
 * int8 changes on the others.
 */
public final class Quantizer {
  private static final int THREADS = 2;

  private final Backend backend;
  private final LoadedModel loaded;
  private final Preprocess preprocess;
  private final int batch;

  /**
   * What int8 changes.
   *
   * @param before images that single precision gets right, none of which was calibrated with
   * @param after those of them that int8 gets right
   * @param agreement those of them to which both give the same class
   */
  public record Effect(Proportion before, Proportion after, Proportion agreement) {}

  /** A quantizer of that model. */
  public Quantizer(Backend backend, LoadedModel loaded, Preprocess preprocess, int batch) {
    this.backend = backend;
    this.loaded = loaded;
    this.preprocess = preprocess;
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

  /** The ranges in single precision, by node. */
  public Map<String, Float> ranges(List<Sample> samples, Evaluator.Progress progress) {
    int size = Math.min(batch, samples.size());
    try (Model model = model(Precision.FP32);
        Calibration calibration =
            new Calibration(
                model, size, preprocess.size(), ModelFiles.normalization(loaded.info()));
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

  /** Judges the samples with both precisions. */
  public Effect effect(
      List<Sample> samples, Map<String, Float> ranges, Evaluator.Progress progress) {
    ModelInfo info = loaded.info().withRanges(ranges);
    int size = Math.min(batch, samples.size());
    int classes = info.classes().size();
    int before = 0;
    int after = 0;
    int agreed = 0;
    int done = 0;
    try (Model model = model(Precision.FP32);
        Model integers = model(Precision.INT8);
        Executable exact =
            Executable.compile(model, ModelFiles.inference(info, size, preprocess.size()));
        Executable rounded =
            Executable.compile(integers, ModelFiles.inference(info, size, preprocess.size()));
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

  private Model model(Precision precision) {
    Model model = new Model(loaded.graph(), backend, precision);
    try {
      ModelFiles.load(model, loaded.weights(), "the model");
      return model;
    } catch (RuntimeException e) {
      model.close();
      throw e;
    }
  }

  private Loader loader(List<Sample> samples, int size) {
    return new Loader(
        samples,
        preprocess,
        Augmentation.NONE,
        new Loader.Options(size, THREADS, 0, Loader.Order.SEQUENTIAL, Loader.BadImages.STOP));
  }
}
