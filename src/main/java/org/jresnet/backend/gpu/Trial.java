package org.jresnet.backend.gpu;

import org.jresnet.graph.DType;

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

  /** The same of our kernel that adds two tensors of that type into a third. */
  double addition(DType type, long elements);
}
