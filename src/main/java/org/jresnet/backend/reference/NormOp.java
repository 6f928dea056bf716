package org.jresnet.backend.reference;

import static org.jresnet.backend.Slot.*;

import org.jresnet.backend.Grad;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.OpSpec.Activation;
import org.jresnet.backend.OpSpec.Residual;
import org.jresnet.backend.OpSpec.Statistics;
import org.jresnet.backend.Operands;
import org.jresnet.backend.Pass;
import org.jresnet.backend.reference.ReferenceBuffer.View;

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
 */
final class NormOp extends ReferenceOp {
  private final OpSpec.Norm spec;
  private final int channels;
  private final double m;

  NormOp(OpSpec.Norm spec, Operands operands) {
    super(operands);
    this.spec = spec;
    channels = spec.y().c();
    m = spec.y().perChannel();
  }

  /** Bytes of what forward leaves: mean and 1/√(var+eps) of each channel. */
  static long savedBytes(OpSpec.Norm spec) {
    return 2L * spec.y().c() * Double.BYTES;
  }

  private View saved() {
    return new View(
        new org.jresnet.backend.Tensor(
            operand(SAVED).buffer(),
            operand(SAVED).offset(),
            org.jresnet.graph.DType.F64,
            2L * channels));
  }

  @Override
  public void forward() {
    View x = view(X);
    View y = view(Y);
    View gamma = view(GAMMA);
    View beta = view(BETA);
    View runningMean = view(RUNNING_MEAN);
    View runningVar = view(RUNNING_VAR);
    View residual = spec.residual() == Residual.ADD ? view(RESIDUAL) : null;
    for (int c = 0; c < channels; c++) {
      double mean = runningMean.get(c);
      double variance = runningVar.get(c);
      if (spec.statistics() == Statistics.BATCH) {
        mean = 0;
        for (int i = c; i < x.length; i += channels) {
          mean += x.get(i);
        }
        mean /= m;
        variance = 0;
        for (int i = c; i < x.length; i += channels) {
          variance += (x.get(i) - mean) * (x.get(i) - mean);
        }
        variance /= m;
        runningMean.set(c, (1 - spec.momentum()) * runningMean.get(c) + spec.momentum() * mean);
        runningVar.set(
            c,
            (1 - spec.momentum()) * runningVar.get(c) + spec.momentum() * variance * m / (m - 1));
      }
      double scale = 1 / Math.sqrt(variance + spec.eps());
      for (int i = c; i < x.length; i += channels) {
        double v = gamma.get(c) * (x.get(i) - mean) * scale + beta.get(c);
        v += residual == null ? 0 : residual.get(i);
        y.set(i, spec.activation() == Activation.RELU ? Math.max(v, 0) : v);
      }
      if (spec.pass() == Pass.TRAINING) {
        saved().set(c, mean);
        saved().set(channels + c, scale);
      }
    }
  }

  @Override
  public void backward() {
    View x = view(X);
    View y = view(Y);
    View dy = view(DY);
    View dx = view(DX);
    View gamma = view(GAMMA);
    View saved = saved();
    View dresidual = spec.residual() == Residual.ADD ? view(DRESIDUAL) : null;
    for (int c = 0; c < channels; c++) {
      double mean = saved.get(c);
      double scale = saved.get(channels + c);
      double dbeta = 0;
      double dgamma = 0;
      for (int i = c; i < x.length; i += channels) {
        double g = through(y, dy, i);
        dbeta += g;
        dgamma += g * (x.get(i) - mean) * scale;
      }
      boolean batch = spec.statistics() == Statistics.BATCH;
      for (int i = c; i < x.length; i += channels) {
        double g = through(y, dy, i);
        double centred = batch ? g - dbeta / m - (x.get(i) - mean) * scale * dgamma / m : g;
        dx.set(i, gamma.get(c) * scale * centred);
        if (dresidual != null) {
          dresidual.set(i, g);
        }
      }
      if (spec.dparameters() != Grad.NONE) {
        view(DGAMMA).set(c, dgamma);
        view(DBETA).set(c, dbeta);
      }
    }
  }

  private double through(View y, View dy, int i) {
    return spec.activation() == Activation.RELU && !(y.get(i) > 0) ? 0 : dy.get(i);
  }
}
