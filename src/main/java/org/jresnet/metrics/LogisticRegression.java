package org.jresnet.metrics;

import java.util.Arrays;

/**
 * Two-class logistic regression on standardised features with an L2 penalty on the weights, not on
 * the intercept: the minimum of {@code Σ log(1 + exp(−y·(b + w·x))) + ½·l2·|w|²} with {@code y =
 * ±1}, found by Newton's method. It is unique, so the same examples always give the same model;
 * scikit-learn's {@code LogisticRegression(C=1/l2)} on {@code StandardScaler}'s output is the same.
 */
public final class LogisticRegression {
  private static final int MAX_STEPS = 50;
  private static final double CONVERGED = 1e-8;

  /** Without this much on the diagonal nothing could be solved with an unpenalised intercept. */
  private static final double RIDGE = 1e-10;

  private final double[] means;
  private final double[] scales;

  /** Of the standardised features, then the intercept. */
  private final double[] weights;

  private LogisticRegression(double[] means, double[] scales, double[] weights) {
    this.means = means;
    this.scales = scales;
    this.weights = weights;
  }

  /**
   * Fits.
   *
   * @param x one row of features per example; a feature that never changes is ignored
   * @param positive class of each example; both classes must occur
   * @param l2 strength of the penalty, greater than 0
   */
  public static LogisticRegression fit(double[][] x, boolean[] positive, double l2) {
    if (x.length != positive.length || x.length == 0 || !(l2 > 0)) {
      throw new IllegalArgumentException(
          "one row per label and a positive penalty are needed, found "
              + x.length
              + " rows, "
              + positive.length
              + " labels and "
              + l2);
    }
    int features = x[0].length;
    double[] means = new double[features];
    double[] scales = new double[features];
    for (int f = 0; f < features; f++) {
      int feature = f;
      double mean = Arrays.stream(x).mapToDouble(row -> row[feature]).average().orElseThrow();
      double variance =
          Arrays.stream(x)
              .mapToDouble(row -> (row[feature] - mean) * (row[feature] - mean))
              .average()
              .orElseThrow();
      means[f] = mean;
      scales[f] = variance > 1e-18 * (1 + mean * mean) ? 1 / Math.sqrt(variance) : 0;
    }
    LogisticRegression model = new LogisticRegression(means, scales, new double[features + 1]);
    double[][] z = Arrays.stream(x).map(model::standardised).toArray(double[][]::new);
    double loss = model.loss(z, positive, l2);
    for (int step = 0; step < MAX_STEPS; step++) {
      double[] direction = model.newton(z, positive, l2);
      double[] before = model.weights.clone();
      double after = Double.POSITIVE_INFINITY;
      // Far from the minimum a whole step may overshoot.
      for (double length = 1; length > 1e-6 && after > loss; length /= 2) {
        for (int i = 0; i < direction.length; i++) {
          model.weights[i] = before[i] - length * direction[i];
        }
        after = model.loss(z, positive, l2);
      }
      if (!(after < loss - CONVERGED)) {
        if (after > loss) {
          System.arraycopy(before, 0, model.weights, 0, before.length);
        }
        break;
      }
      loss = after;
    }
    return model;
  }

  /** The log-odds of the positive class. */
  public double score(double[] row) {
    return linear(standardised(row));
  }

  /** The weight of each standardised feature. */
  public double[] weights() {
    return Arrays.copyOf(weights, means.length);
  }

  /** What is added to the weighted sum. */
  public double intercept() {
    return weights[means.length];
  }

  /** With a one at the end, for the intercept. */
  private double[] standardised(double[] row) {
    double[] z = new double[means.length + 1];
    for (int f = 0; f < means.length; f++) {
      z[f] = (row[f] - means[f]) * scales[f];
    }
    z[means.length] = 1;
    return z;
  }

  private double linear(double[] z) {
    double sum = 0;
    for (int i = 0; i < z.length; i++) {
      sum += weights[i] * z[i];
    }
    return sum;
  }

  private double loss(double[][] z, boolean[] positive, double l2) {
    double sum = 0;
    for (int f = 0; f < means.length; f++) {
      sum += l2 / 2 * weights[f] * weights[f];
    }
    for (int i = 0; i < z.length; i++) {
      double margin = positive[i] ? linear(z[i]) : -linear(z[i]);
      sum += margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin;
    }
    return sum;
  }

  /** The inverse of the second derivatives times the gradient. */
  private double[] newton(double[][] z, boolean[] positive, double l2) {
    int n = means.length + 1;
    double[] gradient = new double[n];
    double[][] hessian = new double[n][n];
    for (int f = 0; f < n; f++) {
      boolean penalised = f < means.length;
      gradient[f] = penalised ? l2 * weights[f] : 0;
      hessian[f][f] = penalised ? l2 : RIDGE;
    }
    for (int i = 0; i < z.length; i++) {
      double p = 1 / (1 + Math.exp(-linear(z[i])));
      double error = p - (positive[i] ? 1 : 0);
      double curvature = p * (1 - p);
      for (int a = 0; a < n; a++) {
        gradient[a] += error * z[i][a];
        double scaled = curvature * z[i][a];
        for (int b = 0; b <= a; b++) {
          hessian[a][b] += scaled * z[i][b];
        }
      }
    }
    return solve(hessian, gradient);
  }

  /** Solves a symmetric positive definite system, of which the lower half is given (Cholesky). */
  private static double[] solve(double[][] a, double[] b) {
    int n = b.length;
    for (int i = 0; i < n; i++) {
      for (int j = 0; j <= i; j++) {
        double sum = a[i][j];
        for (int k = 0; k < j; k++) {
          sum -= a[i][k] * a[j][k];
        }
        a[i][j] = i == j ? Math.sqrt(Math.max(sum, RIDGE)) : sum / a[j][j];
      }
    }
    double[] x = b.clone();
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < i; k++) {
        x[i] -= a[i][k] * x[k];
      }
      x[i] /= a[i][i];
    }
    for (int i = n - 1; i >= 0; i--) {
      for (int k = i + 1; k < n; k++) {
        x[i] -= a[k][i] * x[k];
      }
      x[i] /= a[i][i];
    }
    return x;
  }
}
