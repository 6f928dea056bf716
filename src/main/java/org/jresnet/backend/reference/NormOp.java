package org.jresnet.backend.reference;

import static org.jresnet.graph.Slot.*;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;

/**
 * Batch normalisation (Ioffe and Szegedy 2015, <a
 * href="https://arxiv.org/abs/1502.03167">arXiv:1502.03167</a>; <a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html">torch.nn.BatchNorm2d</a>)
 * over the m = n·h·w values of each channel, then the residual, then the activation:
 *
 * <pre>
 *   mean = Σx/m     var = Σ(x−mean)²/m     x̂ = (x−mean)/√(var+eps)     y = act(gamma·x̂ + beta + residual)
 *   running = (1−momentum)·running + momentum·(mean | var·m/(m−1))
 *
 *   g = dy where the activation let it through          dresidual = g
 *   dbeta = Σg      dgamma = Σ g·x̂
 *   dx = gamma/√(var+eps) · (g − dbeta/m − x̂·dgamma/m)     batch statistics
 *   dx = gamma/√(var+eps) · g                               running statistics
 * </pre>
 *
 * <p>Residual and y, and dresidual and dy, may each be one tensor: an element is read before it is
 * written.
 */
final class NormOp extends ReferenceOp {
  private final Op.BatchNorm norm;
  private final int channels;
  private final double m;

  NormOp(OpSpec spec, Operands operands) {
    super(spec, operands);
    norm = (Op.BatchNorm) spec.op();
    channels = spec.y().c();
    m = spec.y().perChannel();
  }

  /** Bytes of what forward leaves: mean and 1/√(var+eps) of each channel. */
  static long savedBytes(OpSpec spec) {
    return spec.pass() == Pass.TRAINING ? 2L * spec.y().c() * Double.BYTES : 0;
  }

  @Override
  public void forward() {
    View x = view(X);
    View y = view(Y);
    View gamma = view(GAMMA);
    View beta = view(BETA);
    View runningMean = view(RUNNING_MEAN);
    View runningVar = view(RUNNING_VAR);
    View residual = spec.adds() ? view(RESIDUAL) : null;
    View saved = spec.pass() == Pass.TRAINING ? saved(2 * channels) : null;
    for (int c = 0; c < channels; c++) {
      double mean = runningMean.get(c);
      double var = runningVar.get(c);
      if (spec.mode() == Mode.TRAIN) {
        mean = mean(x, c);
        var = variance(x, c, mean);
        mix(runningMean, c, mean);
        mix(runningVar, c, var * m / (m - 1));
      }
      double scale = 1 / Math.sqrt(var + norm.eps());
      for (int i = c; i < x.length; i += channels) {
        double v = gamma.get(c) * ((x.get(i) - mean) * scale) + beta.get(c);
        v += residual == null ? 0 : residual.get(i);
        y.set(i, activate(v));
      }
      if (saved != null) {
        saved.set(c, mean);
        saved.set(channels + c, scale);
      }
    }
  }

  private double mean(View x, int c) {
    double sum = 0;
    for (int i = c; i < x.length; i += channels) {
      sum += x.get(i);
    }
    return sum / m;
  }

  /** The biased variance. */
  private double variance(View x, int c, double mean) {
    double sum = 0;
    for (int i = c; i < x.length; i += channels) {
      sum += (x.get(i) - mean) * (x.get(i) - mean);
    }
    return sum / m;
  }

  private void mix(View running, int c, double batch) {
    running.set(c, (1 - norm.momentum()) * running.get(c) + norm.momentum() * batch);
  }

  @Override
  public void backward() {
    View x = view(X);
    View y = view(Y);
    View dy = view(DY);
    View gamma = view(GAMMA);
    View saved = saved(2 * channels);
    boolean batch = spec.mode() == Mode.TRAIN;
    View dresidual = spec.adds() ? view(DRESIDUAL) : null;
    View dx = spec.write(Slot.DX) == GradientWrite.NONE ? null : gradient(DX, spec.write(Slot.DX));
    boolean wanted = spec.write(Slot.DGAMMA) != GradientWrite.NONE;
    View dgammas = wanted ? gradient(DGAMMA, spec.write(Slot.DGAMMA)) : null;
    View dbetas = wanted ? gradient(DBETA, spec.write(Slot.DGAMMA)) : null;
    for (int c = 0; c < channels; c++) {
      double mean = saved.get(c);
      double scale = saved.get(channels + c);
      double dbeta = 0;
      double dgamma = 0;
      for (int i = c; i < x.length; i += channels) {
        double g = through(y.get(i), dy.get(i));
        dbeta += g;
        dgamma += g * ((x.get(i) - mean) * scale);
      }
      for (int i = c; i < x.length; i += channels) {
        double g = through(y.get(i), dy.get(i));
        if (dx != null) {
          double hat = (x.get(i) - mean) * scale;
          double centred = batch ? g - dbeta / m - hat * dgamma / m : g;
          dx.add(i, gamma.get(c) * scale * centred);
        }
        if (dresidual != null) {
          dresidual.set(i, g);
        }
      }
      if (wanted) {
        dgammas.add(c, dgamma);
        dbetas.add(c, dbeta);
      }
    }
  }
}
