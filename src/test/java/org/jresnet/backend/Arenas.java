package org.jresnet.backend;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.check.OpRun;
import org.jresnet.graph.DType;

/** An optimizer, and the arenas of what it updates. */
final class Arenas implements AutoCloseable {
  /** One rule of each kind, with weight decay. */
  static final List<UpdateRule> RULES =
      List.of(
          new UpdateRule.Adam(0.9, 0.999, 1e-8, 0.01),
          new UpdateRule.AdamW(0.9, 0.999, 1e-8, 0.01),
          new UpdateRule.Sgd(0.9, 0.01));

  final Buffer memory;
  final Tensor parameters;
  final Tensor gradients;
  final List<Tensor> states = new ArrayList<>();
  final Optimizer optimizer;

  Arenas(Backend backend, Precision precision, UpdateRule rule, double[] start) {
    DType type = precision.parameter();
    int count = start.length;
    memory = backend.allocate("a test", (2L + rule.states()) * count * type.bytes());
    List<Tensor> tensors = new ArrayList<>();
    for (int i = 0; i < 2 + rule.states(); i++) {
      tensors.add(new Tensor(memory, (long) i * count * type.bytes(), type, count));
      OpRun.write(tensors.get(i), i == 0 ? start : new double[count]);
    }
    parameters = tensors.get(0);
    gradients = tensors.get(1);
    states.addAll(tensors.subList(2, tensors.size()));
    optimizer = backend.optimizer(rule, parameters, gradients, states);
  }

  @Override
  public void close() {
    optimizer.close();
    memory.close();
  }
}
