package org.jresnet.backend;

import java.util.EnumMap;
import java.util.Map;
import org.jresnet.backend.OpSpec.Activation;
import org.jresnet.backend.OpSpec.Residual;
import org.jresnet.backend.OpSpec.Statistics;
import org.jresnet.backend.OpSpec.Window;
import org.jresnet.graph.Shape;

/**
 * The ops once more, straight from their definitions and independent of every backend: one element
 * at a time, gradients by the chain rule over all pairs of elements. Returns the slots that the op
 * writes, and no others.
 */
final class Definitions {
  private final OpSpec spec;
  private final Map<Slot, double[]> in;
  private final Map<Slot, double[]> out = new EnumMap<>(Slot.class);

  private Definitions(OpSpec spec, Map<Slot, double[]> in) {
    this.spec = spec;
    this.in = in;
  }

  static Map<Slot, double[]> of(OpSpec spec, Map<Slot, double[]> inputs) {
    Definitions op = new Definitions(spec, inputs);
    if (spec instanceof OpSpec.Conv) {
      op.out.put(Slot.Y, op.convolve());
      op.convGradients();
    } else if (spec instanceof OpSpec.FoldedConv s) {
      op.out.put(Slot.Y, op.folded(s));
    } else if (spec instanceof OpSpec.Norm s) {
      op.norm(s);
    } else if (spec instanceof OpSpec.Relu) {
      op.relu();
    } else if (spec instanceof OpSpec.Add) {
      op.add();
    } else if (spec instanceof OpSpec.MaxPool s) {
      op.maxPool(s);
    } else if (spec instanceof OpSpec.GlobalAvgPool s) {
      op.globalAvgPool(s);
    } else if (spec instanceof OpSpec.Linear s) {
      op.linear(s);
    }
    return op.out;
  }

  private static int nhwc(Shape s, int n, int h, int w, int c) {
    return c + s.c() * (w + s.w() * (h + s.h() * n));
  }

  /** An array to add a gradient to, or one that nobody sees where the policy is NONE. */
  private double[] gradient(Slot slot) {
    double[] d = new double[OpRun.elements(spec, slot)];
    if (spec.pass() == Pass.TRAINING && OpRun.policy(spec, slot) != GradientWrite.NONE) {
      if (OpRun.policy(spec, slot) == GradientWrite.ACCUMULATE) {
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

  private void terms(Term term) {
    Shape x = OpRun.x(spec);
    Shape y = spec.y();
    Window window = OpRun.window(spec);
    int size = window.kernel();
    for (int k = 0; k < y.c(); k++) {
      for (int c = 0; c < x.c(); c++) {
        for (int h = 0; h < x.h(); h++) {
          for (int w = 0; w < x.w(); w++) {
            for (int p = 0; p < y.h(); p++) {
              int r = h + window.padding() - p * window.stride();
              for (int q = 0; q < y.w() && r >= 0 && r < size; q++) {
                int s = w + window.padding() - q * window.stride();
                for (int n = 0; n < x.n() && s >= 0 && s < size; n++) {
                  term.at(
                      nhwc(y, n, p, q, k),
                      nhwc(x, n, h, w, c),
                      ((k * x.c() + c) * size + r) * size + s);
                }
              }
            }
          }
        }
      }
    }
  }

  private double[] convolve() {
    double[] x = in.get(Slot.X);
    double[] w = in.get(Slot.WEIGHT);
    double[] y = new double[OpRun.elements(spec, Slot.Y)];
    terms((toY, atX, atW) -> y[toY] += x[atX] * w[atW]);
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
        (atY, atX, atW) -> {
          dx[atX] += dy[atY] * w[atW];
          dw[atW] += dy[atY] * x[atX];
        });
  }

  private double[] folded(OpSpec.FoldedConv s) {
    double[] y = convolve();
    for (int i = 0; i < y.length; i++) {
      int k = i % s.y().c();
      double scale = in.get(Slot.GAMMA)[k] * Math.pow(in.get(Slot.RUNNING_VAR)[k] + s.eps(), -0.5);
      y[i] = y[i] * scale + (in.get(Slot.BETA)[k] - in.get(Slot.RUNNING_MEAN)[k] * scale);
      y[i] += s.residual() == Residual.ADD ? in.get(Slot.RESIDUAL)[i] : 0;
      y[i] = s.activation() == Activation.RELU && y[i] < 0 ? 0 : y[i];
    }
    return y;
  }

  private void norm(OpSpec.Norm s) {
    int channels = s.y().c();
    int m = (int) s.y().perChannel();
    double[] y = new double[m * channels];
    double[] runningMean = in.get(Slot.RUNNING_MEAN).clone();
    double[] runningVar = in.get(Slot.RUNNING_VAR).clone();
    boolean batch = s.statistics() == Statistics.BATCH;
    out.put(Slot.Y, y);
    if (batch) {
      out.put(Slot.RUNNING_MEAN, runningMean);
      out.put(Slot.RUNNING_VAR, runningVar);
    }
    boolean training = s.pass() == Pass.TRAINING;
    double[] dx = training ? gradient(Slot.DX) : null;
    double[] dgamma = training ? gradient(Slot.DGAMMA) : null;
    double[] dbeta = training ? gradient(Slot.DBETA) : null;
    double[] dresidual =
        training && s.residual() == Residual.ADD ? gradient(Slot.DRESIDUAL) : new double[y.length];
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
        runningMean[c] += s.momentum() * (mean - runningMean[c]);
        runningVar[c] += s.momentum() * (pairs / m / (m - 1) - runningVar[c]);
      } else {
        mean = runningMean[c];
        var = runningVar[c];
      }
      double[] hat = new double[m];
      double[] g = new double[m];
      double gamma = in.get(Slot.GAMMA)[c];
      for (int j = 0; j < m; j++) {
        int i = j * channels + c;
        hat[j] = (x[j] - mean) / Math.sqrt(var + s.eps());
        y[i] = gamma * hat[j] + in.get(Slot.BETA)[c];
        y[i] += s.residual() == Residual.ADD ? in.get(Slot.RESIDUAL)[i] : 0;
        boolean passes = s.activation() == Activation.NONE || y[i] > 0;
        y[i] = passes ? y[i] : 0;
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
        dx[i * channels + c] += gamma / Math.sqrt(var + s.eps()) * sum;
      }
    }
  }

  private void relu() {
    double[] y = in.get(Slot.X).clone();
    out.put(Slot.Y, y);
    double[] dx = gradient(Slot.DX);
    for (int i = 0; i < y.length; i++) {
      if (y[i] < 0) {
        y[i] = 0;
      }
      dx[i] += y[i] > 0 && spec.pass() == Pass.TRAINING ? in.get(Slot.DY)[i] : 0;
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

  private void maxPool(OpSpec.MaxPool s) {
    double[] x = in.get(Slot.X);
    double[] y = new double[(int) s.y().elements()];
    out.put(Slot.Y, y);
    double[] dx = gradient(Slot.DX);
    int size = s.window().kernel();
    for (int n = 0; n < s.y().n(); n++) {
      for (int c = 0; c < s.y().c(); c++) {
        for (int p = 0; p < s.y().h(); p++) {
          for (int q = 0; q < s.y().w(); q++) {
            int top = p * s.window().stride() - s.window().padding();
            int left = q * s.window().stride() - s.window().padding();
            double max = Double.NEGATIVE_INFINITY;
            int first = -1;
            for (int h = Math.max(top, 0); h < Math.min(top + size, s.x().h()); h++) {
              for (int w = Math.max(left, 0); w < Math.min(left + size, s.x().w()); w++) {
                int at = nhwc(s.x(), n, h, w, c);
                if (first < 0 || x[at] > max) {
                  first = at;
                  max = x[at];
                }
              }
            }
            int to = nhwc(s.y(), n, p, q, c);
            y[to] = max;
            dx[first] += s.pass() == Pass.TRAINING ? in.get(Slot.DY)[to] : 0;
          }
        }
      }
    }
  }

  private void globalAvgPool(OpSpec.GlobalAvgPool s) {
    double[] y = new double[(int) s.y().elements()];
    out.put(Slot.Y, y);
    double[] dx = gradient(Slot.DX);
    double area = s.x().h() * s.x().w();
    for (int n = 0; n < s.x().n(); n++) {
      for (int c = 0; c < s.x().c(); c++) {
        double sum = 0;
        for (int h = 0; h < s.x().h(); h++) {
          for (int w = 0; w < s.x().w(); w++) {
            int at = nhwc(s.x(), n, h, w, c);
            sum += in.get(Slot.X)[at];
            dx[at] +=
                s.pass() == Pass.TRAINING ? in.get(Slot.DY)[nhwc(s.y(), n, 0, 0, c)] / area : 0;
          }
        }
        y[nhwc(s.y(), n, 0, 0, c)] = sum / area;
      }
    }
  }

  private void linear(OpSpec.Linear s) {
    int c = s.x().c();
    int k = s.y().c();
    double[] y = new double[s.x().n() * k];
    out.put(Slot.Y, y);
    boolean training = s.pass() == Pass.TRAINING;
    double[] dx = training ? gradient(Slot.DX) : null;
    double[] dw = training ? gradient(Slot.DWEIGHT) : null;
    double[] db = training ? gradient(Slot.DBIAS) : null;
    for (int i = 0; i < k; i++) {
      for (int n = 0; n < s.x().n(); n++) {
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
