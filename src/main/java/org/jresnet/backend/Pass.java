package org.jresnet.backend;

/** What a plan is for. */
public enum Pass {
  /** Forward alone; nothing is kept. */
  INFERENCE,
  /** Forward, keeping what backward needs, then backward. */
  TRAINING
}
