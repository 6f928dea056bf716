package org.jresnet.inspect.exercise;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;
import org.jresnet.inspect.exercise.Call.Mistake;

/** What a batch norm gives when its formula is a little wrong. */
final class NormMistakes {
  private final Op.BatchNorm norm;
  private final Swap.Work work;
  private final double[] x;
  private final int channels;
  private final double m;

  NormMistakes(Op.BatchNorm norm, Swap.Work work) {
    this.norm = norm;
    this.work = work;
    x = work.given(Slot.X);
    Shape s = work.spec().x();
    channels = s.c();
    m = s.perChannel();
  }

  /** A formula for each value of y. */
  private interface Formula {
    double of(double x, int c);
  }

  private double[] y(Formula f) {
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = f.of(x[i], i % channels);
    }
    return y;
  }

  private double mean(int c) {
    double sum = 0;
    for (int i = c; i < x.length; i += channels) {
      sum += x[i];
    }
    return sum / m;
  }

  private double var(int c) {
    double mean = mean(c);
    double sum = 0;
    for (int i = c; i < x.length; i += channels) {
      sum += (x[i] - mean) * (x[i] - mean);
    }
    return sum / m;
  }

  private double unbiased(int c) {
    return var(c) * m / (m - 1);
  }

  private double affine(double hat, int c) {
    return work.given(Slot.GAMMA)[c] * hat + work.given(Slot.BETA)[c];
  }

  private double root(double var) {
    return Math.sqrt(var + norm.eps());
  }

  private Formula normalised(double[] mean, double[] var) {
    return (v, c) -> affine((v - mean[c]) / root(var[c]), c);
  }

  /** Mistakes of the training step. */
  List<Mistake> training() {
    List<Mistake> all = new ArrayList<>();
    y(
        all,
        (v, c) -> affine((v - mean(c)) / root(unbiased(c)), c),
        "x is normalised with the unbiased variance (divided by m-1); the biased one (divided by m)"
            + " belongs here, the unbiased one into runningVar");
    y(
        all,
        (v, c) -> affine((v - mean(c)) / (Math.sqrt(var(c)) + norm.eps()), c),
        "eps stands outside of the root: it is sqrt(var + eps)");
    y(all, (v, c) -> affine((v - mean(c)) / Math.sqrt(var(c)), c), "eps is missing under the root");
    y(all, (v, c) -> affine((v - mean(c)) / (var(c) + norm.eps()), c), "the root is missing");
    y(all, (v, c) -> (v - mean(c)) / root(var(c)), "gamma and beta are missing");
    y(all, (v, c) -> work.given(Slot.GAMMA)[c] * (v - mean(c)) / root(var(c)), "beta is missing");
    String running = "x is normalised with the running statistics; training uses the batch's";
    y(all, normalised(work.given(Slot.RUNNING_MEAN), work.given(Slot.RUNNING_VAR)), running);
    y(all, normalised(work.expected(Slot.RUNNING_MEAN), work.expected(Slot.RUNNING_VAR)), running);
    running(all, "runningMean", Slot.RUNNING_MEAN, this::mean);
    running(all, "runningVar", Slot.RUNNING_VAR, this::unbiased);
    double share = norm.momentum();
    all.add(
        new Mistake(
            "runningVar",
            mixed(Slot.RUNNING_VAR, this::var, 1 - share, share),
            "runningVar takes the biased variance; it takes the unbiased one, var*m/(m-1)"));
    return all;
  }

  private void running(List<Mistake> all, String name, Slot slot, IntToDoubleFunction batch) {
    double share = norm.momentum();
    all.add(
        new Mistake(
            name,
            mixed(slot, batch, share, 1 - share),
            "momentum is the share of the new value: (1-momentum)*old + momentum*new"));
    all.add(new Mistake(name, work.given(slot), name + " is not changed in place"));
    all.add(new Mistake(name, mixed(slot, batch, 0, 1), name + " is replaced, not mixed"));
  }

  private double[] mixed(Slot slot, IntToDoubleFunction batch, double keep, double take) {
    double[] mixed = work.given(slot).clone();
    for (int c = 0; c < channels; c++) {
      mixed[c] = keep * mixed[c] + take * batch.applyAsDouble(c);
    }
    return mixed;
  }

  /** The mistake of inference. */
  Mistake batchForRunning() {
    return new Mistake(
        "y",
        y((v, c) -> affine((v - mean(c)) / root(var(c)), c)),
        "x is normalised with the statistics of this batch; inference uses the running ones");
  }

  private void y(List<Mistake> all, Formula formula, String hint) {
    all.add(new Mistake("y", y(formula), hint));
  }

  /** dx with shares of the terms that mean and variance give. */
  static double[] dx(Op.BatchNorm norm, Swap.Work work, double ofMean, double ofVariance) {
    NormMistakes of = new NormMistakes(norm, work);
    double[] dy = work.given(Slot.DY);
    double[] dx = new double[dy.length];
    for (int c = 0; c < of.channels; c++) {
      double mean = of.mean(c);
      double root = of.root(of.var(c));
      double sum = 0;
      double withHat = 0;
      for (int i = c; i < dx.length; i += of.channels) {
        sum += dy[i];
        withHat += dy[i] * (of.x[i] - mean) / root;
      }
      for (int i = c; i < dx.length; i += of.channels) {
        double hat = (of.x[i] - mean) / root;
        double inner = dy[i] - ofMean * sum / of.m - ofVariance * hat * withHat / of.m;
        dx[i] = work.given(Slot.GAMMA)[c] / root * inner;
      }
    }
    return dx;
  }
}
