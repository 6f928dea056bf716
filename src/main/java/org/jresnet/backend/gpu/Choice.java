package org.jresnet.backend.gpu;

/**
 * What was chosen for one operation graph.
 *
 * @param graph the operation, its extents and types in one line
 * @param engine cuDNN's number of the engine
 * @param candidate position among cuDNN's proposals
 * @param proposals how many engines cuDNN proposes and the options allow
 * @param fallback whether only cuDNN's list of last resorts has one
 * @param compiled whether the engine's kernel was generated and compiled for this graph
 * @param workspaceBytes scratch memory
 * @param bytes of all tensors
 * @param milliseconds measured on the device; NaN if it was not
 */
public record Choice(
    String graph,
    long engine,
    int candidate,
    int proposals,
    boolean fallback,
    boolean compiled,
    long workspaceBytes,
    long bytes,
    double milliseconds) {
  /** Short, for plans and profiles: {@code cudnn:62 (1 of 33)}. */
  public String text() {
    return "cudnn:"
        + engine
        + (fallback ? " (fallback)" : " (" + (candidate + 1) + " of " + proposals + ")")
        + (compiled ? " compiled" : "");
  }
}
