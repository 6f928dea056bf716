package org.jresnet.backend;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.LongToDoubleFunction;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.backend.UpdateReport.Outcome;

/** {@link Updates} that the host decides, out of what an optimizer can do: the rule to read. */
final class HostUpdates implements Updates {
  private final Optimizer optimizer;
  private final double clip;
  private final LossScale scale;
  private final Tensor gradientScale;
  private final ByteBuffer factor =
      ByteBuffer.allocateDirect(Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
  private final UpdateReport[] reports = {new UpdateReport(), new UpdateReport()};
  private long steps;
  private long sent;
  private boolean diverged;

  HostUpdates(Optimizer optimizer, double clip, LossScale scale, long steps, Tensor gradientScale) {
    this.optimizer = optimizer;
    this.clip = clip;
    this.scale = scale;
    this.steps = steps;
    this.gradientScale = gradientScale;
  }

  private void writeScale() {
    factor.clear().putDouble(0, scale.factor());
    gradientScale.buffer().write(gradientScale.offset(), factor);
  }

  @Override
  public long send(List<Range> ranges, LongToDoubleFunction rate, int batches) {
    double factor = scale.factor();
    double gradientFactor = 1 / (factor * batches);
    double norm = optimizer.gradientNorm(ranges) * gradientFactor;
    Outcome outcome = diverged ? Outcome.DIVERGED : decide(norm);
    if (outcome == Outcome.UPDATED) {
      if (clip > 0) {
        // torch.nn.utils.clip_grad_norm_
        gradientFactor *= Math.min(1, clip / (norm + 1e-6));
      }
      double now = rate.applyAsDouble(steps);
      steps++;
      optimizer.step(ranges, now, steps, gradientFactor);
    }
    if (scale.factor() != factor) {
      writeScale();
    }
    UpdateReport report = reports[(int) (sent % DEPTH)];
    report.set(outcome, norm, steps);
    report.setScale(scale.state().scale(), scale.state().good());
    return sent++;
  }

  private Outcome decide(double norm) {
    if (!scale.accepts(norm)) {
      return Outcome.SKIPPED;
    }
    diverged = !Double.isFinite(norm);
    return diverged ? Outcome.DIVERGED : Outcome.UPDATED;
  }

  @Override
  public UpdateReport report(long number) {
    return reports[Ring.slot(number, sent)];
  }

  @Override
  public void close() {}
}
