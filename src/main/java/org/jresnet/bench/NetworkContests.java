package org.jresnet.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Contest;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Precision;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Executable.NamedSpec;
import org.jresnet.engine.NetworkOps;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;

/** What the implementations of a network's ops compete for, each contest once. */
public final class NetworkContests {
  /**
   * A contest that decides for several ops alike.
   *
   * @param contest the candidates and how they did
   * @param nodes names of the ops, in forward order
   */
  public record Entry(Contest contest, List<String> nodes) {
    /** Copies the names. */
    public Entry {
      nodes = List.copyOf(nodes);
    }
  }

  private NetworkContests() {}

  /** The ops of a network; int8 ranges that the options lack are 1, which changes no time. */
  public static List<NamedSpec> specs(Graph graph, CompileOptions options, Precision precision) {
    if (precision != Precision.INT8) {
      return Executable.specs(graph, options, precision);
    }
    Map<String, Float> ranges =
        graph.nodes().stream().collect(Collectors.toMap(Node::name, n -> 1f));
    ranges.putAll(options.ranges());
    return Executable.specs(graph, options.withRanges(ranges), precision);
  }

  /** The same as a backend computes it, which may compute more as one in training. */
  public static List<NamedSpec> specs(
      Graph graph, CompileOptions options, Precision precision, Backend backend) {
    return precision == Precision.INT8
        ? specs(graph, options, precision)
        : NetworkOps.of(graph, options, precision, backend);
  }

  /**
   * Plans every op, which runs the races that this machine has not seen, and tells how they went.
   */
  public static List<Entry> planned(Backend backend, List<NamedSpec> ops) {
    for (OpSpec spec : ops.stream().map(NamedSpec::spec).distinct().toList()) {
      backend.plan(spec).close();
    }
    return of(backend, ops);
  }

  /** Who could compute what, without a race. */
  public static List<Entry> of(Backend backend, List<NamedSpec> ops) {
    Map<String, Entry> entries = new LinkedHashMap<>();
    for (NamedSpec op : ops) {
      for (Contest contest : backend.contests(op.spec())) {
        entries.merge(
            contest.name(), new Entry(contest, List.of(op.name())), NetworkContests::both);
      }
    }
    return List.copyOf(entries.values());
  }

  private static Entry both(Entry first, Entry second) {
    return new Entry(
        first.contest, Stream.of(first.nodes, second.nodes).flatMap(List::stream).toList());
  }
}
