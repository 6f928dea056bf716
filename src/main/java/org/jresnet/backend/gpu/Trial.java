package org.jresnet.backend.gpu;

import org.jresnet.backend.Phase;

/** Tries engines on the device that they are planned for, in memory of its own. */
interface Trial {
  /**
   * Runs one once.
   *
   * @throws org.jresnet.nativebindings.cuda.CudaException if it fails; of kind LOST if it took the
   *     device along
   */
  void run(Planned planned);

  /**
   * The time of one run in milliseconds; NaN where there is not enough memory to find out.
   *
   * @throws org.jresnet.nativebindings.cuda.CudaException as for {@link #run}
   */
  double milliseconds(Planned planned);

  /** The same of a kernel of ours. */
  double milliseconds(KernelTrial trial);

  /** The same of all that a plan launches in one direction. */
  double milliseconds(GpuPlan plan, Phase direction);
}
