package org.jresnet.train;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jresnet.base.UserError;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;
import org.jresnet.models.Architecture;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.StrictReport;
import org.jresnet.weights.WeightFiles;

/** The networks that jresnet can build, as something to look for in files of others. */
public final class KnownNetworks {
  /** No stem and no classifier is larger. */
  private static final int MAX_EXTENT = 1 << 24;

  private KnownNetworks() {}

  /**
   * What to look for in a file.
   *
   * @param architecture the only network, or empty for any
   * @param entry the state dict to take out of a checkpoint, or empty for the likeliest
   */
  public static WeightFiles.Wanted wanted(Optional<String> architecture, Optional<String> entry) {
    List<Architecture> networks =
        architecture.map(Architecture::of).map(List::of).orElse(Architecture.all());
    // Only the names count, which do not depend on the number of classes.
    return new WeightFiles.Wanted(networks.stream().map(n -> n.graph(2)).toList(), entry);
  }

  /** The network whose names and shapes these are, if there is one. */
  public static Optional<Architecture> identify(StateDict weights) {
    return Architecture.all().stream().filter(network -> fits(network, weights)).findFirst();
  }

  /** How many classes a file's classifier tells apart; empty where the file has none. */
  public static OptionalInt classes(Architecture network, StateDict weights) {
    return classes(network.graph(2), weights);
  }

  /** The same for a graph of whatever width and classes. */
  static OptionalInt classes(Graph graph, StateDict weights) {
    return firstExtent(graph.head().parameters().get(0), weights);
  }

  private static OptionalInt firstExtent(Parameter p, StateDict weights) {
    HostTensor tensor = weights.tensors().get(p.name());
    boolean usable =
        tensor != null
            && !tensor.shape().isEmpty()
            && tensor.shape().get(0) >= 1
            && tensor.shape().get(0) <= MAX_EXTENT;
    return usable ? OptionalInt.of(tensor.shape().get(0).intValue()) : OptionalInt.empty();
  }

  private static boolean fits(Architecture network, StateDict weights) {
    Graph published = network.graph(2);
    OptionalInt classes = classes(published, weights);
    OptionalInt width = firstExtent(published.parameters().get(0), weights);
    if (classes.isEmpty() || width.isEmpty() || !hasNames(published, weights)) {
      return false;
    }
    try {
      Graph graph = network.graph(classes.getAsInt(), width.getAsInt());
      return StrictReport.compare(graph.parameters(), weights).clean();
    } catch (UserError | ArithmeticException e) {
      return false;
    }
  }

  /** A cheap check before a graph of absurd width is built. */
  private static boolean hasNames(Graph published, StateDict weights) {
    return published.parameters().stream()
        .filter(p -> p.role() != Parameter.Role.BATCHES_TRACKED)
        .allMatch(p -> weights.tensors().containsKey(p.name()));
  }
}
