package org.jresnet.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jresnet.backend.DeviceRanks;
import org.jresnet.backend.DeviceRanks.Result;
import org.jresnet.backend.Interconnect;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.backend.Tensor;
import org.jresnet.base.Closing;
import org.jresnet.base.UserError;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Exchange;
import org.jresnet.distributed.Wire;
import org.jresnet.graph.DType;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Parameter;

/**
 * Adds up the gradients of all ranks, bucket by bucket, while backward still computes; and makes
 * running statistics those of all ranks, their mean. After {@link #finish} every rank holds the
 * same bits.
 *
 * <p>Values travel through memory of the hosts, by a {@link Communicator}, or from device to
 * device, by {@link DeviceRanks}; then no host waits for them.
 */
public final class GradientExchange implements AutoCloseable {
  /** Whose running statistics a rank has after a step. */
  public enum Statistics {
    /** Its own: of its part of the batch. */
    OWN,
    /** Those of the whole batch, because norms add up over ranks. */
    SHARED
  }

  /** Prepares to add up ranges of an arena. */
  private interface Carrier {
    ExchangePart part(Tensor arena, List<Range> ranges, boolean narrow, Result result);
  }

  /**
   * Who exchanges gradients, and how.
   *
   * @param way what carries them
   * @param wire how they travel
   */
  public record Sharing(Communicator ranks, Exchange way, Wire wire) {}

  private final List<Bucket> buckets;

  /** One for each bucket, then that of statistics, if there is one. */
  private final List<ExchangePart> parts = new ArrayList<>();

  private final Optional<DeviceRanks> devices;
  private long waitedNanos;

  /**
   * Prepares the exchange of a model's gradients through the hosts.
   *
   * @param frozen names of parameters that have no gradient
   * @param statistics of norms: whether each rank has its own, so that the mean is taken
   * @throws UserError when the model's parameters are not single precision and travel as bf16
   */
  public GradientExchange(
      Model model, Communicator ranks, Set<String> frozen, Wire wire, Statistics statistics) {
    this(model, frozen, wire, statistics, Optional.empty(), through(ranks));
  }

  /**
   * The same from device to device.
   *
   * @param devices which this closes
   */
  public GradientExchange(
      Model model, DeviceRanks devices, Set<String> frozen, Wire wire, Statistics statistics) {
    this(model, frozen, wire, statistics, Optional.of(devices), among(devices));
  }

  /**
   * From device to device where there is a way and {@code sharing} does not say otherwise, else
   * through the hosts. Every rank must call this.
   *
   * @throws UserError naming ranks that share a device, or what does not fit
   */
  public static GradientExchange of(
      Model model, Sharing sharing, Set<String> frozen, Statistics statistics) {
    Optional<Interconnect> own =
        sharing.way == Exchange.MPI ? Optional.empty() : model.backend().interconnect();
    return own.isPresent()
        ? new GradientExchange(
            model, RankDevices.join(own.get(), sharing.ranks), frozen, sharing.wire, statistics)
        : new GradientExchange(model, sharing.ranks, frozen, sharing.wire, statistics);
  }

  private GradientExchange(
      Model model,
      Set<String> frozen,
      Wire wire,
      Statistics statistics,
      Optional<DeviceRanks> devices,
      Carrier carrier) {
    this.devices = devices;
    boolean narrow = wire == Wire.BF16;
    if (narrow && model.gradients().type() != DType.F32) {
      throw new UserError(
          "--wire bf16 rounds gradients of single precision, and those in "
              + model.precision().id()
              + " are "
              + model.gradients().type()
              + "; leave it out");
    }
    buckets = Bucket.of(model.graph(), frozen);
    try {
      for (Bucket bucket : buckets) {
        List<Range> ranges = List.of(bucket.range());
        parts.add(carrier.part(model.gradients(), ranges, narrow, Result.TOTAL));
      }
      List<Range> moving = moving(model.graph(), frozen);
      if (statistics == Statistics.OWN && !moving.isEmpty()) {
        parts.add(carrier.part(model.statistics(), moving, false, Result.MEAN));
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private static Carrier through(Communicator ranks) {
    return (arena, ranges, narrow, result) ->
        new HostPart(ranks, arena, ranges, narrow, result == Result.MEAN ? ranks.size() : 1);
  }

  private static Carrier among(DeviceRanks devices) {
    return (arena, ranges, narrow, result) ->
        new ExchangePart.OnDevices(
            devices.sum(arena, ranges, narrow ? DType.BF16 : DType.F32, result));
  }

  /**
   * Running statistics that a step changes, of norms that are not frozen: neighbours as one range,
   * with the zeros between them.
   */
  private static List<Range> moving(Graph graph, Set<String> frozen) {
    Layout layout = Layout.of(graph);
    List<Range> ranges = new ArrayList<>();
    boolean open = false;
    for (Node node : graph.nodes()) {
      boolean trains =
          node.parameters().stream()
              .anyMatch(p -> p.role().trainable() && !frozen.contains(p.name()));
      for (Parameter p : node.parameters()) {
        if (p.role() != Parameter.Role.RUNNING_MEAN && p.role() != Parameter.Role.RUNNING_VAR) {
          continue;
        }
        if (trains) {
          Range own = layout.ranges().get(p.name());
          long first = open ? ranges.remove(ranges.size() - 1).first() : own.first();
          ranges.add(new Range(first, own.first() + own.count() - first));
        }
        open = trains;
      }
    }
    return ranges;
  }

  /** What travels together, in the order in which backward completes it. */
  public List<Bucket> buckets() {
    return buckets;
  }

  /** Whether values travel from device to device, so that no host waits for them. */
  public boolean amongDevices() {
    return devices.isPresent();
  }

  /** Begins to add up a bucket, whose gradients are complete. */
  void start(int bucket) {
    parts.get(bucket).start();
  }

  /** Begins to add up all buckets, where no step has begun: gradients were accumulated first. */
  public void start() {
    for (int i = 0; i < buckets.size(); i++) {
      start(i);
    }
  }

  /**
   * Makes the sums of all ranks' gradients the model's, and their mean statistics, for what is
   * asked for from here on.
   */
  public void finish() {
    if (parts.size() > buckets.size()) {
      parts.get(buckets.size()).start();
    }
    long began = System.nanoTime();
    for (int i = 0; i < parts.size(); i++) {
      parts.get(i).await();
    }
    waitedNanos += System.nanoTime() - began;
    for (int i = 0; i < parts.size(); i++) {
      parts.get(i).finish();
    }
  }

  /**
   * Why devices will make no sums any more; what was computed since the last step that was known to
   * be done is worthless then. Empty as long as all is well.
   */
  public Optional<String> failure() {
    return devices.flatMap(DeviceRanks::failure);
  }

  /** Gives up what devices are about, so that nothing waits for ranks that do not come. */
  public void leave() {
    devices.ifPresent(DeviceRanks::leave);
  }

  /** Nanoseconds that the host has waited for others in {@link #finish} since the last call. */
  public long takeWaitNanos() {
    long nanos = waitedNanos;
    waitedNanos = 0;
    return nanos;
  }

  /** Bytes that each rank gives away and takes in a step, before what the way of adding adds. */
  public long bytes() {
    return parts.stream().mapToLong(ExchangePart::bytes).sum();
  }

  @Override
  public void close() {
    leave();
    List<AutoCloseable> all = new ArrayList<>();
    devices.ifPresent(all::add);
    all.addAll(parts);
    Closing.closeAll(all);
  }
}
