package org.jresnet.train;

import org.jresnet.base.Named;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.distributed.Wire;

/**
 * How ranks share a run.
 *
 * @param ranks processes; each computes a batch of its own, so that a step sees so many batches
 * @param scaleLr what the number of ranks does to the learning rate
 * @param wire how gradients travel
 * @param syncNorm whether batch norms use the statistics of all ranks' batches
 */
public record ParallelOptions(int ranks, ScaleLr scaleLr, Wire wire, boolean syncNorm) {
  /** One process. */
  public static final ParallelOptions SOLO = new ParallelOptions(1, ScaleLr.NONE, Wire.FP32, false);

  /** What records of older versions say, as JSON. */
  static final String ONE =
      "{\"ranks\":1,\"scaleLr\":\"none\",\"wire\":\"fp32\",\"syncNorm\":false}";

  /** What the number of ranks does to the learning rate. */
  public enum ScaleLr implements Named {
    /** Nothing. */
    NONE,
    /**
     * It is multiplied by the number of ranks, after a warm-up (Goyal et al. 2017, <a
     * href="https://arxiv.org/abs/1706.02677">arXiv:1706.02677</a>, section 2).
     */
    LINEAR
  }

  /** Checks the number. */
  public ParallelOptions {
    if (ranks < 1) {
      throw new UserError(Text.format("ranks must be at least 1, found %s", ranks));
    }
  }

  /** The same on another number of ranks. */
  public ParallelOptions withRanks(int number) {
    return new ParallelOptions(number, scaleLr, wire, syncNorm);
  }

  /** What the learning rate is multiplied by. */
  double rateFactor() {
    return scaleLr == ScaleLr.LINEAR ? ranks : 1;
  }
}
