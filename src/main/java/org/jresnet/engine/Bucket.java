package org.jresnet.engine;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;

/**
 * Gradients that ranks exchange in one message, as soon as backward has computed the last of them:
 * neighbours in the arena of gradients. The sizes are those of <a
 * href="https://pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html">
 * torch's DistributedDataParallel</a>.
 *
 * @param range elements of the arena of gradients, those of frozen parameters in between included
 * @param parameters whose gradients they are, in backward order
 */
public record Bucket(Range range, List<String> parameters) {
  /**
   * Bytes from which on the first bucket is full: it is small, so that the exchange begins early.
   */
  public static final long FIRST_BYTES = 1L << 20;

  /** Bytes from which on the others are full. */
  public static final long BYTES = 25L << 20;

  /** Copies the list. */
  public Bucket {
    parameters = List.copyOf(parameters);
  }

  /**
   * The buckets of a network in backward order. A bucket takes parameters until it is full; one
   * parameter is never divided.
   *
   * @param frozen names of parameters that have no gradient
   */
  public static List<Bucket> of(Graph graph, Set<String> frozen) {
    Layout layout = Layout.of(graph);
    List<Parameter> backward = new ArrayList<>(graph.parameters());
    Collections.reverse(backward);
    List<Bucket> buckets = new ArrayList<>();
    List<String> names = new ArrayList<>();
    long end = 0;
    for (Parameter p : backward) {
      if (!p.role().trainable() || frozen.contains(p.name())) {
        continue;
      }
      Range own = layout.ranges().get(p.name());
      end = names.isEmpty() ? own.first() + own.count() : end;
      names.add(p.name());
      if ((end - own.first()) * Float.BYTES >= (buckets.isEmpty() ? FIRST_BYTES : BYTES)) {
        buckets.add(new Bucket(new Range(own.first(), end - own.first()), names));
        names.clear();
      }
    }
    if (!names.isEmpty()) {
      long first = layout.ranges().get(names.get(names.size() - 1)).first();
      buckets.add(new Bucket(new Range(first, end - first), names));
    }
    return List.copyOf(buckets);
  }

  /** Bytes of its gradients in single precision. */
  public long bytes() {
    return range.count() * Float.BYTES;
  }
}
