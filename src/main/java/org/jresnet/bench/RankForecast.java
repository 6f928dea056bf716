package org.jresnet.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.jresnet.base.Csv;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.engine.Bucket;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Shape;

/**
 * How a training step would take with several ranks, each with a batch of its own, that add up
 * their gradients while backward computes: from the measured times of one rank's calls, buckets of
 * gradients that leave when the last of theirs is there, one after the other, and the time of an
 * {@link AllReduce}. Ranks are taken to be equally fast, and an exchange to slow no computation.
 */
public final class RankForecast {
  /** The call between forward and backward. */
  private static final String LOSS = "loss";

  /**
   * A call of a step.
   *
   * @param node the network's node, or input, loss, optimizer
   * @param flops its floating-point operations
   */
  public record Call(String node, double seconds, long flops) {}

  /**
   * Calls in the order of a step.
   *
   * @param bytesPerSecond of the memory, reading and writing
   */
  public record Measured(List<Call> calls, double bytesPerSecond) {
    /** Copies the list. */
    public Measured {
      calls = List.copyOf(calls);
    }

    /** What {@code profile} measured. */
    public static Measured of(Profile profile, Ceilings ceilings) {
      return new Measured(
          profile.lines().stream().map(l -> new Call(l.node(), l.seconds(), l.flops())).toList(),
          ceilings.bytesPerSecond());
    }

    /**
     * Checks what was measured.
     *
     * @param graph the network
     * @param batch images of a step
     * @param size their side in pixels
     * @throws UserError when it was another batch or another size
     */
    public Measured require(Graph graph, int batch, int size) {
      List<Shape> shapes = graph.shapes(batch, size, size);
      long expected =
          2 * graph.nodes().stream().mapToLong(n -> n.op().macs(shapes.get(n.index()))).sum();
      // Of the forward pass.
      long flops =
          calls.stream().takeWhile(c -> !c.node().equals(LOSS)).mapToLong(Call::flops).sum();
      if (flops != expected) {
        throw new UserError(
            Text.format(
                "the profile has %.2f GFLOP forward, and %s has %.2f with a batch of %s at %sx%s;"
                    + " name with --model, --classes, --batch and --size what was profiled",
                flops / 1e9, graph.name(), expected / 1e9, batch, size, size));
      }
      return this;
    }

    /**
     * What {@code profile --csv} wrote.
     *
     * @throws UserError when it is no such file
     */
    public static Measured read(Path file) {
      List<List<String>> rows = Csv.read(file);
      List<String> header = rows.isEmpty() ? List.of() : rows.get(0);
      if (!header.containsAll(List.of("node", "ms", "flops", "bytes", "floor_ms"))) {
        throw new UserError(
            Text.format(
                "%s is no profile: its columns are %s; make one with jresnet profile --csv",
                file, header));
      }
      List<Call> calls = new ArrayList<>();
      double rate = 0;
      for (List<String> row : rows.subList(1, rows.size())) {
        try {
          Map<String, String> cells = new HashMap<>();
          IntStream.range(0, header.size()).forEach(i -> cells.put(header.get(i), row.get(i)));
          double seconds = Double.parseDouble(cells.get("ms")) / 1e3;
          long flops = Long.parseLong(cells.get("flops"));
          calls.add(new Call(cells.get("node"), seconds, flops));
          double floor = Double.parseDouble(cells.get("floor_ms")) / 1e3;
          // The floor of a call without arithmetic is its bytes at the rate of the memory; of the
          // largest it has the most digits.
          if (flops == 0 && floor > 0) {
            rate = Math.max(rate, floor > 1e-3 ? Long.parseLong(cells.get("bytes")) / floor : 0);
          }
        } catch (NumberFormatException | IndexOutOfBoundsException e) {
          throw new UserError(Text.format("%s: the record %s is none of a profile", file, row), e);
        }
      }
      if (rate == 0) {
        throw new UserError(
            Text.format(
                "%s has no call that memory limits for a millisecond; profile a larger batch",
                file));
      }
      return new Measured(calls, rate);
    }
  }

  /**
   * Gradients that leave together: a {@link Bucket}.
   *
   * @param ready seconds after the step's beginning when the last of them is computed
   * @param bytes in single precision
   */
  public record Message(double ready, long bytes) {}

  /**
   * A step.
   *
   * @param ranks that take part
   * @param seconds of the step
   * @param exposed seconds of it in which a rank waits for the exchange
   * @param exchange seconds of all messages, hidden or not
   * @param last the message of the last bucket, which nothing hides
   * @param latency the share of the exchange that is latency
   * @param adding the share of it that is arithmetic
   * @param algorithm of the largest message
   * @param efficiency time of a step with one rank over this one
   */
  public record Step(
      int ranks,
      double seconds,
      double exposed,
      double exchange,
      double last,
      double latency,
      double adding,
      String algorithm,
      double efficiency) {}

  private final List<Message> messages;
  private final double backward;
  private final double after;
  private final double gamma;

  /**
   * Reads the times of a training step.
   *
   * @param graph the network that was measured
   * @throws UserError when the calls are not those of a training step of this network
   */
  public RankForecast(Graph graph, Measured measured) {
    Map<String, Double> ready = new HashMap<>();
    double time = 0;
    double update = 0;
    boolean inBackward = false;
    for (Call call : measured.calls()) {
      if (call.node().equals("optimizer")) {
        update += call.seconds();
        continue;
      }
      time += call.seconds();
      inBackward |= call.node().equals(LOSS);
      if (inBackward) {
        ready.put(call.node(), time);
      }
    }
    if (!inBackward || update == 0) {
      throw new UserError(
          "the profile is not one of training: it has no loss or no optimizer; make one with"
              + " jresnet profile --work train");
    }
    backward = time;
    after = update;
    gamma = 3 / measured.bytesPerSecond();
    messages = messages(graph, ready);
  }

  private static List<Message> messages(Graph graph, Map<String, Double> ready) {
    Map<String, Node> nodes = new HashMap<>();
    graph.nodes().forEach(node -> node.parameters().forEach(p -> nodes.put(p.name(), node)));
    List<Message> messages = new ArrayList<>();
    for (Bucket bucket : Bucket.of(graph, Set.of())) {
      double last = 0;
      for (String parameter : bucket.parameters()) {
        String node = nodes.get(parameter).name();
        Double at = ready.get(node);
        if (at == null) {
          throw new UserError(
              Text.format(
                  "the profile has no backward call of %s; name the network and the classes that"
                      + " were profiled",
                  node));
        }
        last = Math.max(last, at);
      }
      messages.add(new Message(last, bucket.bytes()));
    }
    return List.copyOf(messages);
  }

  /** In the order in which they leave. */
  public List<Message> messages() {
    return messages;
  }

  /** Seconds of a step of one rank. */
  public double alone() {
    return backward + after;
  }

  /**
   * A step of several ranks.
   *
   * @param link between them
   * @param width bytes that a gradient has on the wire: 4, or 2 for bf16
   */
  public Step step(int ranks, Link link, int width) {
    if (ranks == 1) {
      return new Step(1, alone(), 0, 0, 0, 0, 0, "", 1);
    }
    double free = 0;
    double exchange = 0;
    double latency = 0;
    double adding = 0;
    AllReduce largest = null;
    AllReduce last = null;
    long most = 0;
    for (Message message : messages) {
      double bytes = message.bytes() * width / 4.0;
      AllReduce sum = AllReduce.best(ranks, bytes, link, gamma);
      free = Math.max(free, message.ready()) + sum.seconds();
      exchange += sum.seconds();
      latency += sum.latency();
      adding += sum.adding();
      last = sum;
      if (message.bytes() > most) {
        most = message.bytes();
        largest = sum;
      }
    }
    double exposed = Math.max(0, free - backward);
    double seconds = alone() + exposed;
    return new Step(
        ranks,
        seconds,
        exposed,
        exchange,
        last.seconds(),
        latency / exchange,
        adding / exchange,
        largest.algorithm(),
        alone() / seconds);
  }

  /** Ranks of a table: powers of two up to a number, and that number. */
  public static List<Integer> ranksUpTo(int most) {
    List<Integer> ranks = new ArrayList<>();
    for (int p = 1; p < most; p *= 2) {
      ranks.add(p);
    }
    ranks.add(most);
    return ranks;
  }

  /** Where the efficiency falls below a share in a table, and why, in a sentence. */
  public String limit(List<Step> table, double share) {
    Step bad = table.stream().filter(s -> s.efficiency() < share).findFirst().orElse(null);
    if (bad == null) {
      Step most = table.get(table.size() - 1);
      return String.format(
          Locale.ROOT,
          "Efficiency stays above %.0f %% up to %d ranks: backward hides all of the exchange (%.1f"
              + " ms) but %.1f ms.",
          100 * share,
          most.ranks(),
          1e3 * most.exchange(),
          1e3 * most.exposed());
    }
    double transfer = 1 - bad.latency() - bad.adding();
    String cause =
        bad.latency() > Math.max(transfer, bad.adding())
            ? "the latency of its messages"
            : bad.adding() > transfer
                ? "adding, for which memory is too slow"
                : "the rate of the network";
    return String.format(
        Locale.ROOT,
        "Efficiency falls below %.0f %% at %d ranks: of %.1f ms of exchange %.1f ms are hidden;"
            + " most of it is %s (latency %.0f %%, transfer %.0f %%, adding %.0f %%).",
        100 * share,
        bad.ranks(),
        1e3 * bad.exchange(),
        1e3 * (bad.exchange() - bad.exposed()),
        cause,
        100 * bad.latency(),
        100 * transfer,
        100 * bad.adding());
  }
}
