package org.jresnet.distributed;

import org.jresnet.base.Named;

/** How gradients travel. */
public enum Wire implements Named {
  /** As they are. */
  FP32,
  /**
   * Rounded to bf16, which halves the bytes. Every addition on the way rounds again, so that the
   * sum of n ranks is off by up to about n/2 units of bf16's last place.
   */
  BF16
}
