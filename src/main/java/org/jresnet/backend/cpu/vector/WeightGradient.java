package org.jresnet.backend.cpu.vector;

/** Computes the gradient of a convolution's filters. */
public interface WeightGradient {
  /**
   * Computes a worker's share; all workers must call it at the same time.
   *
   * @param dw torch's {@code [out][in of a group][rows][columns]}, F32
   * @param meet returns when every worker has called it
   */
  void run(int worker, Rows x, Rows dy, Rows dw, Runnable meet);
}
