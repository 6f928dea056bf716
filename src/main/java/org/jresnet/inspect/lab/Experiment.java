package org.jresnet.inspect.lab;

/** One question about the residual branches of a network, and how it is answered. */
public interface Experiment {
  /** Name on the command line and of its files: {@code lesions}. */
  String id();

  /** What it does, in a line. */
  String summary();

  /** Where it comes from: authors, year and arXiv number. */
  String paper();

  /**
   * Does it.
   *
   * @throws org.jresnet.base.UserError when the network has nothing to do it with
   * @throws org.jresnet.base.Stopped when the lab was asked to stop
   */
  Result run(LabContext lab);
}
