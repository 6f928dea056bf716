package org.jresnet.backend;

import java.util.Map;
import java.util.TreeMap;
import org.jresnet.check.OpRun;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.ConvTranspose2d;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;

/**
 * The ops once more, straight from their definitions and independent of every backend: one element
 * at a time, gradients by the chain rule over all pairs of elements. Returns the slots that the op
 * writes, and no others.
 */
final class Definitions {
  private final OpSpec spec;
  private final Map<Slot, double[]> in;
  private final Map<Slot, double[]> out = new TreeMap<>();

  private Definitions(OpSpec spec, Map<Slot, double[]> in) {
    this.spec = spec;
    this.in = in;
  }

  static Map<Slot, double[]> of(OpSpec spec, Map<Slot, double[]> inputs) {
    Definitions op = new Definitions(spec, inputs);
    if (spec.op() instanceof Conv2d && spec.tail().isEmpty()) {
      op.out.put(Slot.Y, op.convolve());
      op.convGradients();
    } else if (spec.op() instanceof Conv2d) {
      op.out.put(Slot.Y, op.folded((Op.BatchNorm) spec.part(Op.Part.NORM).orElseThrow()));
    } else if (spec.op() instanceof ConvTranspose2d transpose) {
      op.convTranspose(transpose.adjoint());
    } else if (spec.op() instanceof Op.BatchNorm norm) {
      op.norm(norm);
    } else if (spec.op() instanceof Activation) {
      op.activation();
    } else if (spec.op() instanceof Op.Add) {
      op.add();
    } else if (spec.op() instanceof Op.MaxPool pool) {
      op.maxPool(pool);
    } else if (spec.op() instanceof Op.GlobalAvgPool) {
      op.globalAvgPool();
    } else if (spec.op() instanceof Op.Linear) {
      op.linear();
    }
    return op.out;
  }

  private static int nhwc(Shape s, int n, int h, int w, int c) {
    return c + s.c() * (w + s.w() * (h + s.h() * n));
  }

  /** An array to add a gradient to, or one that nobody sees where the policy is NONE. */
  private double[] gradient(Slot slot) {
    double[] d = new double[OpRun.elements(spec, slot)];
    if (spec.pass() == Pass.TRAINING && spec.write(slot) != GradientWrite.NONE) {
      if (spec.write(slot) == GradientWrite.ACCUMULATE) {
        d = in.get(slot).clone();
      }
      out.put(slot, d);
    }
    return d;
  }

  /** Every product of the convolution. */
  private interface Term {
    void at(int y, int x, int w);
  }

  private static void terms(Conv2d conv, Shape x, Shape y, Term term) {
    int seen = x.c() / conv.groups();
    Axis rows = conv.rows();
    Axis columns = conv.columns();
    for (int k = 0; k < y.c(); k++) {
      for (int c = 0; c < x.c(); c++) {
        if (c / seen != k / (y.c() / conv.groups())) {
          continue;
        }
        for (int h = 0; h < x.h(); h++) {
          for (int w = 0; w < x.w(); w++) {
            for (int p = 0; p < y.h(); p++) {
              int r = tap(rows, h, p);
              for (int q = 0; q < y.w() && r >= 0; q++) {
                int s = tap(columns, w, q);
                for (int n = 0; n < x.n() && s >= 0; n++) {
                  term.at(
                      nhwc(y, n, p, q, k),
                      nhwc(x, n, h, w, c),
                      ((k * seen + c % seen) * rows.size() + r) * columns.size() + s);
                }
              }
            }
          }
        }
      }
    }
  }

  /** The tap of a window at position p that lies on pixel h, or −1. */
  private static int tap(Axis axis, int h, int p) {
    int distance = h + axis.padding() - p * axis.stride();
    boolean hit = distance >= 0 && distance % axis.dilation() == 0;
    int tap = distance / axis.dilation();
    return hit && tap < axis.size() ? tap : -1;
  }

  private double[] convolve() {
    double[] x = in.get(Slot.X);
    double[] w = in.get(Slot.WEIGHT);
    double[] y = new double[OpRun.elements(spec, Slot.Y)];
    terms((Conv2d) spec.op(), spec.x(), spec.y(), (toY, atX, atW) -> y[toY] += x[atX] * w[atW]);
    for (int i = 0; i < y.length && in.containsKey(Slot.BIAS); i++) {
      y[i] += in.get(Slot.BIAS)[i % spec.y().c()];
    }
    return y;
  }

  private void convGradients() {
    if (spec.pass() == Pass.INFERENCE) {
      return;
    }
    double[] x = in.get(Slot.X);
    double[] w = in.get(Slot.WEIGHT);
    double[] dy = in.get(Slot.DY);
    double[] dx = gradient(Slot.DX);
    double[] dw = gradient(Slot.DWEIGHT);
    terms(
        (Conv2d) spec.op(),
        spec.x(),
        spec.y(),
        (atY, atX, atW) -> {
          dx[atX] += dy[atY] * w[atW];
          dw[atW] += dy[atY] * x[atX];
        });
    if (in.containsKey(Slot.BIAS)) {
      double[] db = gradient(Slot.DBIAS);
      for (int i = 0; i < dy.length; i++) {
        db[i % db.length] += dy[i];
      }
    }
  }

  /** Every pixel of the input adds a filter to the output. */
  private void convTranspose(Conv2d adjoint) {
    double[] x = in.get(Slot.X);
    double[] w = in.get(Slot.WEIGHT);
    double[] y = new double[OpRun.elements(spec, Slot.Y)];
    for (int i = 0; i < y.length && in.containsKey(Slot.BIAS); i++) {
      y[i] = in.get(Slot.BIAS)[i % spec.y().c()];
    }
    terms(adjoint, spec.y(), spec.x(), (atX, atY, atW) -> y[atY] += x[atX] * w[atW]);
    out.put(Slot.Y, y);
    if (spec.pass() == Pass.TRAINING) {
      double[] dy = in.get(Slot.DY);
      double[] dx = gradient(Slot.DX);
      double[] dw = gradient(Slot.DWEIGHT);
      terms(
          adjoint,
          spec.y(),
          spec.x(),
          (atX, atY, atW) -> {
            dx[atX] += dy[atY] * w[atW];
            dw[atW] += dy[atY] * x[atX];
          });
      double[] db = in.containsKey(Slot.BIAS) ? gradient(Slot.DBIAS) : new double[spec.y().c()];
      for (int i = 0; i < dy.length; i++) {
        db[i % db.length] += dy[i];
      }
    }
  }

  private double[] folded(Op.BatchNorm norm) {
    double[] y = convolve();
    for (int i = 0; i < y.length; i++) {
      int k = i % spec.y().c();
      double scale =
          in.get(Slot.GAMMA)[k] * Math.pow(in.get(Slot.RUNNING_VAR)[k] + norm.eps(), -0.5);
      y[i] = y[i] * scale + (in.get(Slot.BETA)[k] - in.get(Slot.RUNNING_MEAN)[k] * scale);
      y[i] += spec.adds() ? in.get(Slot.RESIDUAL)[i] : 0;
      y[i] = activate(y[i]);
    }
    return y;
  }

  private void norm(Op.BatchNorm norm) {
    int channels = spec.y().c();
    int m = (int) spec.y().perChannel();
    double[] y = new double[m * channels];
    double[] runningMean = in.get(Slot.RUNNING_MEAN).clone();
    double[] runningVar = in.get(Slot.RUNNING_VAR).clone();
    boolean batch = spec.mode() == Mode.TRAIN;
    out.put(Slot.Y, y);
    if (batch) {
      out.put(Slot.RUNNING_MEAN, runningMean);
      out.put(Slot.RUNNING_VAR, runningVar);
    }
    boolean training = spec.pass() == Pass.TRAINING;
    double[] dx = training ? gradient(Slot.DX) : null;
    double[] dgamma = training ? gradient(Slot.DGAMMA) : null;
    double[] dbeta = training ? gradient(Slot.DBETA) : null;
    double[] dresidual = training && spec.adds() ? gradient(Slot.DRESIDUAL) : new double[y.length];
    for (int c = 0; c < channels; c++) {
      double[] x = new double[m];
      double mean = 0;
      for (int j = 0; j < m; j++) {
        x[j] = in.get(Slot.X)[j * channels + c];
        mean += x[j] / m;
      }
      // Squared distances of all pairs: the variance without a mean.
      double pairs = 0;
      for (double a : x) {
        for (double b : x) {
          pairs += (a - b) * (a - b) / 2;
        }
      }
      double var = pairs / m / m;
      if (batch) {
        runningMean[c] += norm.momentum() * (mean - runningMean[c]);
        runningVar[c] += norm.momentum() * (pairs / m / (m - 1) - runningVar[c]);
      } else {
        mean = runningMean[c];
        var = runningVar[c];
      }
      double[] hat = new double[m];
      double[] g = new double[m];
      double gamma = in.get(Slot.GAMMA)[c];
      for (int j = 0; j < m; j++) {
        int i = j * channels + c;
        hat[j] = (x[j] - mean) / Math.sqrt(var + norm.eps());
        y[i] = gamma * hat[j] + in.get(Slot.BETA)[c];
        y[i] += spec.adds() ? in.get(Slot.RESIDUAL)[i] : 0;
        boolean passes = !spec.activates() || y[i] > 0;
        y[i] = activate(y[i]);
        if (training) {
          g[j] = passes ? in.get(Slot.DY)[i] : 0;
          dresidual[i] = g[j];
          dgamma[c] += g[j] * hat[j];
          dbeta[c] += g[j];
        }
      }
      for (int i = 0; training && i < m; i++) {
        double sum = 0;
        for (int j = 0; j < m; j++) {
          // d hat_j / d x_i, through x itself, the mean and the variance.
          double own = i == j ? 1 : 0;
          sum += g[j] * (batch ? own - 1.0 / m - hat[i] * hat[j] / m : own);
        }
        dx[i * channels + c] += gamma / Math.sqrt(var + norm.eps()) * sum;
      }
    }
  }

  private double activate(double v) {
    return spec.activation().map(f -> value(f, v)).orElse(v);
  }

  /** A function's value at x. */
  static double value(Activation f, double x) {
    double clipped = x < -3 ? 0 : x > 3 ? 1 : x / 6 + 0.5;
    return switch (f.function()) {
      case RELU -> x < 0 ? 0 : x;
      case RELU6 -> x < 0 ? 0 : x < 6 ? x : 6;
      case LEAKY_RELU -> x < 0 ? x * f.slope() : x;
      case SIGMOID -> (1 + Math.tanh(x / 2)) / 2;
      case SILU -> x * (1 + Math.tanh(x / 2)) / 2;
      case HARD_SWISH -> x * clipped;
      case HARD_SIGMOID -> clipped;
    };
  }

  /** Its derivative at x; at corners, torch's. */
  private static double slope(Activation f, double x) {
    double cosh = Math.cosh(x / 2);
    boolean middle = x > -3 && x < 3;
    return switch (f.function()) {
      case RELU -> x > 0 ? 1 : 0;
      case RELU6 -> x > 0 && x < 6 ? 1 : 0;
      case LEAKY_RELU -> x > 0 ? 1 : f.slope();
      case SIGMOID -> 1 / (4 * cosh * cosh);
      case SILU -> (1 + Math.tanh(x / 2)) / 2 + x / (4 * cosh * cosh);
      case HARD_SWISH -> middle ? (2 * x + 3) / 6 : x > 0 ? 1 : 0;
      case HARD_SIGMOID -> middle ? 1 / 6.0 : 0;
    };
  }

  private void activation() {
    Activation f = (Activation) spec.op();
    double[] x = in.get(Slot.X);
    double[] y = new double[x.length];
    out.put(Slot.Y, y);
    double[] dx = gradient(Slot.DX);
    for (int i = 0; i < y.length; i++) {
      y[i] = value(f, x[i]);
      dx[i] += spec.pass() == Pass.TRAINING ? slope(f, x[i]) * in.get(Slot.DY)[i] : 0;
    }
  }

  private void add() {
    double[] y = in.get(Slot.X).clone();
    out.put(Slot.Y, y);
    double[] dx = gradient(Slot.DX);
    double[] dresidual = gradient(Slot.DRESIDUAL);
    for (int i = 0; i < y.length; i++) {
      y[i] += in.get(Slot.RESIDUAL)[i];
      dx[i] += spec.pass() == Pass.TRAINING ? in.get(Slot.DY)[i] : 0;
      dresidual[i] += spec.pass() == Pass.TRAINING ? in.get(Slot.DY)[i] : 0;
    }
  }

  private void maxPool(Op.MaxPool pool) {
    double[] x = in.get(Slot.X);
    double[] y = new double[(int) spec.y().elements()];
    out.put(Slot.Y, y);
    double[] dx = gradient(Slot.DX);
    int size = pool.kernel();
    for (int n = 0; n < spec.y().n(); n++) {
      for (int c = 0; c < spec.y().c(); c++) {
        for (int p = 0; p < spec.y().h(); p++) {
          for (int q = 0; q < spec.y().w(); q++) {
            int top = p * pool.stride() - pool.padding();
            int left = q * pool.stride() - pool.padding();
            double max = Double.NEGATIVE_INFINITY;
            int first = -1;
            for (int h = Math.max(top, 0); h < Math.min(top + size, spec.x().h()); h++) {
              for (int w = Math.max(left, 0); w < Math.min(left + size, spec.x().w()); w++) {
                int at = nhwc(spec.x(), n, h, w, c);
                if (first < 0 || x[at] > max) {
                  first = at;
                  max = x[at];
                }
              }
            }
            int to = nhwc(spec.y(), n, p, q, c);
            y[to] = max;
            dx[first] += spec.pass() == Pass.TRAINING ? in.get(Slot.DY)[to] : 0;
          }
        }
      }
    }
  }

  private void globalAvgPool() {
    double[] y = new double[(int) spec.y().elements()];
    out.put(Slot.Y, y);
    double[] dx = gradient(Slot.DX);
    double area = spec.x().h() * spec.x().w();
    for (int n = 0; n < spec.x().n(); n++) {
      for (int c = 0; c < spec.x().c(); c++) {
        double sum = 0;
        for (int h = 0; h < spec.x().h(); h++) {
          for (int w = 0; w < spec.x().w(); w++) {
            int at = nhwc(spec.x(), n, h, w, c);
            sum += in.get(Slot.X)[at];
            dx[at] +=
                spec.pass() == Pass.TRAINING
                    ? in.get(Slot.DY)[nhwc(spec.y(), n, 0, 0, c)] / area
                    : 0;
          }
        }
        y[nhwc(spec.y(), n, 0, 0, c)] = sum / area;
      }
    }
  }

  private void linear() {
    int c = spec.x().c();
    int k = spec.y().c();
    double[] y = new double[spec.x().n() * k];
    out.put(Slot.Y, y);
    boolean training = spec.pass() == Pass.TRAINING;
    double[] dx = training ? gradient(Slot.DX) : null;
    double[] dw = training ? gradient(Slot.DWEIGHT) : null;
    double[] db = training ? gradient(Slot.DBIAS) : null;
    for (int i = 0; i < k; i++) {
      for (int n = 0; n < spec.x().n(); n++) {
        double g = training ? in.get(Slot.DY)[n * k + i] : 0;
        y[n * k + i] = in.get(Slot.BIAS)[i];
        for (int j = 0; j < c; j++) {
          y[n * k + i] += in.get(Slot.X)[n * c + j] * in.get(Slot.WEIGHT)[i * c + j];
          if (training) {
            dx[n * c + j] += g * in.get(Slot.WEIGHT)[i * c + j];
            dw[i * c + j] += g * in.get(Slot.X)[n * c + j];
          }
        }
        if (training) {
          db[i] += g;
        }
      }
    }
  }
}
