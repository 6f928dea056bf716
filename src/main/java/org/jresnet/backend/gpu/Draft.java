package org.jresnet.backend.gpu;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.nativebindings.cuda.DataType;
import org.jresnet.nativebindings.cuda.OpGraph;

/** A graph under construction, its tensors by name. */
final class Draft {
  final OpGraph graph = new OpGraph();
  final Map<String, OpGraph.Value> values = new LinkedHashMap<>();
  private final DType type;

  Draft(DType type) {
    this.type = type;
  }

  OpGraph.Value tensor(String name, Shape s) {
    return keep(name, graph.tensor(Planner.dataType(type), s.n(), s.c(), s.h(), s.w()));
  }

  /** A tensor that is never stored, rounded to the graph's type. */
  OpGraph.Value between(Shape s) {
    return graph.between(Planner.dataType(type), s.n(), s.c(), s.h(), s.w());
  }

  /** A tensor that is never stored, in single precision. */
  OpGraph.Value wide(Shape s) {
    return graph.between(DataType.F32, s.n(), s.c(), s.h(), s.w());
  }

  OpGraph.Value filter(String name, Conv2d conv) {
    return filter(name, conv.k(), conv.c() / conv.groups(), conv);
  }

  /** So many filters over so many channels. */
  OpGraph.Value filter(String name, int k, int c, Conv2d conv) {
    return keep(
        name,
        graph.tensor(Planner.dataType(type), k, c, conv.rows().size(), conv.columns().size()));
  }

  /** A tensor in single precision. */
  OpGraph.Value wide(String name, Shape s) {
    return keep(name, graph.tensor(DataType.F32, s.n(), s.c(), s.h(), s.w()));
  }

  /** Sums of products of bytes, which are never stored. */
  OpGraph.Value sums(Shape s) {
    return graph.between(DataType.I32, s.n(), s.c(), s.h(), s.w());
  }

  OpGraph.Value channels(String name, int c) {
    return keep(name, graph.tensor(DataType.F32, 1, c, 1, 1));
  }

  /** A value per channel in half precision. */
  OpGraph.Value halves(String name, int c) {
    return keep(name, graph.tensor(DataType.F16, 1, c, 1, 1));
  }

  OpGraph.Value number(String name) {
    return keep(name, graph.number());
  }

  OpGraph.Value keep(String name, OpGraph.Value value) {
    values.put(name, value);
    return value;
  }
}
