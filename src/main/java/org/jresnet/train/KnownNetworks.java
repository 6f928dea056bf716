package org.jresnet.train;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jresnet.base.UserError;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;
import org.jresnet.models.ResNet;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.StrictReport;
import org.jresnet.weights.WeightFiles;

/** The networks that jresnet can build, as something to look for in files of others. */
public final class KnownNetworks {
  private KnownNetworks() {}

  /**
   * What to look for in a file.
   *
   * @param architecture the only network, or empty for any
   * @param entry the state dict to take out of a checkpoint, or empty for the likeliest
   */
  public static WeightFiles.Wanted wanted(Optional<String> architecture, Optional<String> entry) {
    List<ResNet> networks =
        architecture.map(ResNet::of).map(List::of).orElse(List.of(ResNet.values()));
    // Only the names count, which do not depend on the number of classes.
    return new WeightFiles.Wanted(networks.stream().map(n -> n.graph(2)).toList(), entry);
  }

  /** The network whose names and shapes these are, if there is one. */
  public static Optional<ResNet> identify(StateDict weights) {
    HostTensor bias = weights.tensors().get("fc.bias");
    HostTensor stem = weights.tensors().get("conv1.weight");
    if (bias == null || stem == null || bias.elements() == 0 || stem.shape().isEmpty()) {
      return Optional.empty();
    }
    long width = stem.shape().get(0);
    return Arrays.stream(ResNet.values())
        .filter(n -> hasNames(n, weights))
        .filter(n -> fits(n, bias.elements(), width, weights))
        .findFirst();
  }

  /** A cheap check before a graph of absurd width is built. */
  private static boolean hasNames(ResNet network, StateDict weights) {
    return network.graph(2).parameters().stream()
        .filter(p -> p.role() != Parameter.Role.BATCHES_TRACKED)
        .allMatch(p -> weights.tensors().containsKey(p.name()));
  }

  private static boolean fits(ResNet network, int classes, long width, StateDict weights) {
    if (width < 1 || width > 1 << 16) {
      return false;
    }
    try {
      Graph graph = network.graph(classes, (int) width);
      return StrictReport.compare(graph.parameters(), weights).clean();
    } catch (UserError | ArithmeticException e) {
      return false;
    }
  }
}
