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
   * @param pictures judged pictures, none of which was calibrated with
   * @param before share of them that single precision gets right
   * @param after share of them that int8 gets right
   * @param agreement share of them to which both give the same class
   */
  public record Effect(int pictures, double before, double after, double agreement) {}

  /** A quantizer of that model. */
  public Quantizer(Backend backend, LoadedModel loaded, Preprocess preprocess, int batch) {
    this.backend = backend;
    this.loaded = loaded;
    this.preprocess = preprocess;
    this.batch = batch;
  }

  /**
   * Every n-th sample for calibration, such that there are about {@code pictures}, but at most half
   * of all.
   */
  public static List<Sample> forCalibration(List<Sample> samples, int pictures) {
    return part(samples, pictures, true);
  }

  /** The samples that {@link #forCalibration} leaves. */
  public static List<Sample> forJudging(List<Sample> samples, int pictures) {
    return part(samples, pictures, false);
  }

  private static List<Sample> part(List<Sample> samples, int pictures, boolean calibration) {
    int every = Math.max(2, samples.size() / pictures);
    List<Sample> part = new ArrayList<>();
    for (int i = 0; i < samples.size(); i++) {
      if ((i % every == 0) == calibration) {
        part.add(samples.get(i));
      }
    }
    return part;
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
        float[] wanted = exact.infer(b.pixels());
        float[] found = rounded.infer(b.pixels());
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
    return new Effect(done, (double) before / done, (double) after / done, (double) agreed / done);
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
