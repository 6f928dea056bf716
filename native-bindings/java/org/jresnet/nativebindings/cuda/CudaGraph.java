package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.global.cudart;

/** Recorded work that is launched as one. */
public final class CudaGraph implements AutoCloseable {
  private CUgraphExec_st handle = new CUgraphExec_st();

  /** Takes the graph over. */
  CudaGraph(CUgraph_st graph) {
    try {
      Check.runtime(cudart.cudaGraphInstantiate(handle, graph, 0), "preparing a CUDA graph");
    } finally {
      cudart.cudaGraphDestroy(graph);
    }
  }

  /** Sends all of it to the stream. */
  public void launch(CudaStream stream) {
    if (handle == null) {
      throw new IllegalStateException("a CUDA graph is used after close");
    }
    Check.runtime(cudart.cudaGraphLaunch(handle, stream.handle()), "launching a CUDA graph");
  }

  @Override
  public void close() {
    if (handle != null) {
      cudart.cudaGraphExecDestroy(handle);
      handle = null;
    }
  }
}
