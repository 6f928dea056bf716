package org.jresnet.train;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jresnet.backend.Backend;
import org.jresnet.backend.RankSums;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Shuffle;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Exchange;
import org.jresnet.distributed.RankFailure;
import org.jresnet.distributed.SharedError;
import org.jresnet.engine.GradientExchange;
import org.jresnet.engine.GradientExchange.Sharing;
import org.jresnet.engine.GradientExchange.Statistics;
import org.jresnet.engine.Model;
import org.jresnet.engine.NonFinite;
import org.jresnet.engine.OptimizerState;
import org.jresnet.engine.Replicas;

/**
 * What the ranks of a run tell each other apart from gradients. With one rank every method says
 * what that one has said.
 */
final class Ranks {
  private final Communicator communicator;
  private final Exchange way;
  private final double[] figures = new double[4];
  private double mean;

  Ranks(Communicator communicator, Exchange way) {
    this.communicator = communicator;
    this.way = way;
  }

  Communicator communicator() {
    return communicator;
  }

  int size() {
    return communicator.size();
  }

  boolean several() {
    return communicator.size() > 1;
  }

  boolean leads() {
    return communicator.leads();
  }

  /**
   * What all ranks must have in common.
   *
   * @param jresnet version
   * @param existing whether the run is new
   * @param options but for where the data lie and how many threads read them
   * @param dataHash and what follows as in {@link RunRecord}
   */
  record Common(
      String jresnet,
      RunFolder.Existing existing,
      TrainOptions options,
      String dataHash,
      String splitHash,
      String weightsHash,
      String contentHash) {
    static Common of(RunRecord record, RunFolder.Existing existing) {
      TrainOptions here = record.options().change().data(Path.of("")).loaderThreads(1).options();
      return new Common(
          record.jresnet(),
          existing,
          here,
          record.dataHash(),
          record.splitHash(),
          record.weightsHash(),
          record.contentHash());
    }
  }

  /**
   * Stops all ranks unless they have the same version, options, data and weights.
   *
   * @throws SharedError naming each difference
   */
  void requireEqual(Common own) {
    if (!several()) {
      return;
    }
    List<Common> all = new ArrayList<>();
    for (String text : communicator.gather(Json.line(own))) {
      all.add(common(text, all.size()));
    }
    List<String> differences = new ArrayList<>();
    for (int rank = 1; rank < all.size(); rank++) {
      for (String difference : Json.differences(all.get(0), all.get(rank))) {
        differences.add(Text.format("rank %s beside rank 0: %s", rank, difference));
      }
    }
    if (!differences.isEmpty()) {
      throw new SharedError(
          "the ranks were not started alike; start all with the same version, options and data",
          differences);
    }
  }

  private static Common common(String text, int rank) {
    try {
      return Json.parse("rank " + rank, text, Common.class);
    } catch (UserError e) {
      throw new SharedError(
          Text.format(
              "rank %s says what this version cannot read; start all ranks with the same version",
              rank),
          List.of(e.getMessage()));
    }
  }

  /**
   * Checks that every rank has something to do.
   *
   * @throws UserError when there are more ranks than images in a part
   */
  void requireImages(TrainOptions options, Split split) {
    if (options.parallel().ranks() != size()) {
      throw new IllegalArgumentException(
          Text.format("options of %s ranks on %s", options.parallel().ranks(), size()));
    }
    for (Part part : List.of(Part.TRAIN, Part.VAL)) {
      int images = split.part(part).size();
      if (images < size() && several()) {
        throw new SharedError(
            Text.format(
                "there are %s ranks and only %s images in the part %s; start at most that many"
                    + " ranks",
                size(), images, part.id()),
            List.of());
      }
    }
  }

  /** What rank 0 says, as it is in a file. */
  <T extends Record> T fromLead(T own, Class<T> type) {
    if (!several()) {
      return own;
    }
    byte[] text = communicator.broadcast(Json.line(own).getBytes(UTF_8), 0);
    return Json.parse("rank 0", new String(text, UTF_8), type);
  }

  /** Gives every rank the state of rank 0. */
  void spread(Model model, OptimizerState optimizer) {
    if (several()) {
      Replicas.spread(model, optimizer, communicator);
    }
  }

  /**
   * Stops all ranks unless their weights and moments are the same to the bit.
   *
   * @throws SharedError naming the ranks that differ from rank 0
   */
  void requireEqualWeights(Model model, OptimizerState optimizer) {
    if (!several()) {
      return;
    }
    List<String> others = Shares.others(Replicas.digest(model, optimizer), communicator);
    if (!others.isEmpty()) {
      throw new SharedError(
          "the weights of ranks have drifted apart, which must not be: the memory or network of a"
              + " machine is faulty, or its MPI does not add up alike everywhere. The last"
              + " checkpoint was made when they were equal. Other than rank 0:",
          others);
    }
  }

  /** {@link Replicas#leadFirst}. */
  <T> T leadFirst(Backend backend, Supplier<T> work) {
    return Replicas.leadFirst(communicator, backend, work);
  }

  /** How this rank reads its share of an epoch. */
  Shuffle shuffle(int window) {
    return new Shuffle(window, communicator.rank(), size());
  }

  /** What adds up gradients; null where there is one rank. */
  GradientExchange exchange(Model model, Set<String> frozen, ParallelOptions options) {
    if (!several()) {
      return null;
    }
    Statistics statistics = options.syncNorm() ? Statistics.SHARED : Statistics.OWN;
    Sharing sharing = new Sharing(communicator, way, options.wire());
    return GradientExchange.of(model, sharing, frozen, statistics);
  }

  /**
   * Ends the run when devices make no sums any more. A rank that has its sums goes on to the next
   * step's figures, so that is where the others say so; who does not come there is named.
   */
  void requireSums(GradientExchange exchange) {
    Optional<String> failure = exchange.failure();
    if (failure.isPresent()) {
      try {
        communicator.sum(figures);
      } catch (RankFailure e) {
        throw e.after(failure.get());
      }
      throw RankFailure.of(communicator.rank(), failure.get());
    }
  }

  /** Gives up the sums that devices have been asked for, when all ranks have those before. */
  void leave(GradientExchange exchange) {
    communicator.barrier();
    exchange.leave();
  }

  /** Has batch norms use the statistics of all ranks. */
  void synchronizeNorms(Backend backend) {
    try {
      backend.synchronizeNorms(
          new RankSums() {
            @Override
            public int ranks() {
              return size();
            }

            @Override
            public void add(double[] values) {
              communicator.sum(values);
            }
          });
    } catch (UnsupportedOperationException e) {
      throw new UserError(Text.format("--sync-norm is not possible here: %s", e.getMessage()), e);
    }
  }

  /**
   * Adds up what a batch has shown.
   *
   * @param loss mean over this rank's images
   */
  void batch(double loss, int images, int correct, boolean stopping) {
    mean = loss;
    figures[0] = loss * images;
    figures[1] = correct;
    figures[2] = images;
    figures[3] = stopping ? 1 : 0;
    communicator.sum(figures);
    if (several()) {
      mean = figures[0] / figures[2];
    }
  }

  /** Mean loss of the last batch. */
  double loss() {
    return mean;
  }

  /** Sum of the losses of the last batch's images. */
  double lossSum() {
    return figures[0];
  }

  /** Correct predictions in the last batch. */
  int correct() {
    return (int) figures[1];
  }

  /** Images of the last batch. */
  int images() {
    return (int) figures[2];
  }

  /** Whether a rank is to stop, as of the last batch. */
  boolean stopping() {
    return figures[3] > 0;
  }

  /** What stopped being finite first on any rank, and where that is; every rank asks. */
  String first(NonFinite own) {
    if (!several()) {
      return own.what();
    }
    NonFinite first = own;
    int where = 0;
    List<String> all = communicator.gather(Json.line(own));
    for (int rank = 0; rank < all.size(); rank++) {
      NonFinite found = Json.parse("a rank", all.get(rank), NonFinite.class);
      if (rank == 0 || found.action() < first.action()) {
        first = found;
        where = rank;
      }
    }
    return first.action() == NonFinite.AFTER
        ? Text.format("%s, added up over all ranks,", first.what())
        : Text.format("%s on rank %s", first.what(), where);
  }

  /** Whether a rank is to stop; every rank asks at the same place. */
  boolean anyStops(boolean own) {
    figures[3] = own ? 1 : 0;
    communicator.sum(figures);
    return stopping();
  }

  /** Number of a batch's random draws, which are others on each rank. */
  long draw(long batch) {
    return batch * size() + communicator.rank();
  }
}
