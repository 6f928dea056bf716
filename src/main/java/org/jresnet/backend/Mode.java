package org.jresnet.backend;

/** How an op behaves, as torch's {@code module.train()} and {@code module.eval()} set it. */
public enum Mode {
  /** A batch norm uses the statistics of the batch and moves the running ones. */
  TRAIN,
  /** A batch norm uses the running statistics, which stay as they are; so do frozen ones. */
  EVALUATE
}
