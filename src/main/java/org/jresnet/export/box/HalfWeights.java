package org.jresnet.export.box;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jresnet.base.Float16;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;
import org.jresnet.graph.Parameter.Role;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.StateDict;

/** Halves a weight file: filters and matrices in half precision, all small tensors as they are. */
final class HalfWeights {
  private static final Set<Role> LARGE =
      Set.of(Role.CONV_WEIGHT, Role.CONV_TRANSPOSE_WEIGHT, Role.LINEAR_WEIGHT);

  private HalfWeights() {}

  /** The weights with those of convolutions and linear layers rounded; one too large stays. */
  static StateDict of(Graph graph, StateDict weights) {
    Set<String> large =
        graph.parameters().stream()
            .filter(p -> LARGE.contains(p.role()))
            .map(Parameter::name)
            .collect(Collectors.toSet());
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    weights.tensors().forEach((name, t) -> tensors.put(name, large.contains(name) ? half(t) : t));
    return new StateDict(tensors, weights.metadata());
  }

  private static HostTensor half(HostTensor tensor) {
    float[] values = tensor.toFloats();
    return Float16.reaches(values) ? HostTensor.ofHalves(tensor.shape(), values) : tensor;
  }
}
