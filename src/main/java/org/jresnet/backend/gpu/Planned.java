package org.jresnet.backend.gpu;

import java.util.Map;
import org.jresnet.nativebindings.cuda.CudnnPlan;
import org.jresnet.nativebindings.cuda.OpGraph;

/** An operation graph with its tensors by name and the engine that computes it. */
record Planned(OpGraph graph, Map<String, OpGraph.Value> values, CudnnPlan plan, Choice choice)
    implements AutoCloseable {
  OpGraph.Value value(String name) {
    OpGraph.Value value = values.get(name);
    if (value == null) {
      throw new IllegalArgumentException(name + " is not one of " + values.keySet());
    }
    return value;
  }

  @Override
  public void close() {
    plan.close();
    graph.close();
  }
}
