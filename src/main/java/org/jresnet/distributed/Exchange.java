package org.jresnet.distributed;

import org.jresnet.base.Named;

/** What carries gradients from rank to rank. */
public enum Exchange implements Named {
  /** NCCL from GPU to GPU, MPI between hosts. */
  AUTO,
  /** MPI between hosts, also where GPUs compute. */
  MPI
}
