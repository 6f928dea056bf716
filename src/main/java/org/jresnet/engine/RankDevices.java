package org.jresnet.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.backend.DeviceRanks;
import org.jresnet.backend.Interconnect;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Neighbours;
import org.jresnet.distributed.SharedError;

/** Joins the devices of all ranks, when each rank has one of its own. */
public final class RankDevices {
  /** Where a rank computes, and by which library it adds up. */
  public record Seat(String machine, String device, String library) {
    private String place() {
      return "GPU " + device + " of " + machine;
    }
  }

  private RankDevices() {}

  /**
   * Joins them; every rank must ask for it.
   *
   * @throws SharedError naming ranks that have the same device, or another version of the library
   */
  static DeviceRanks join(Interconnect own, Communicator all) {
    Seat here = new Seat(Neighbours.machine(), own.device(), own.library());
    List<Seat> seats = new ArrayList<>();
    for (String text : all.gather(Json.line(here))) {
      seats.add(Json.parse("rank " + seats.size(), text, Seat.class));
    }
    require(seats);
    byte[] invitation = all.broadcast(all.leads() ? own.invitation() : new byte[0], 0);
    return own.join(invitation, all.rank(), all.size(), all.patience());
  }

  /** Refuses a device that two ranks have, and different libraries. */
  public static void require(List<Seat> seats) {
    Map<String, List<Integer>> taken = new TreeMap<>();
    for (int rank = 0; rank < seats.size(); rank++) {
      taken.computeIfAbsent(seats.get(rank).place(), p -> new ArrayList<>()).add(rank);
    }
    List<String> shared = new ArrayList<>();
    taken.forEach(
        (place, ranks) -> {
          if (ranks.size() > 1) {
            shared.add(Text.format("%s: ranks %s", place, ranks));
          }
        });
    if (!shared.isEmpty()) {
      throw new SharedError(
          Text.format(
              "%s ranks have only %s GPUs, and each needs one of its own. Leave out --gpu, and"
                  + " start at most as many ranks on a machine as it has GPUs, or let gradients"
                  + " pass through the hosts with --exchange mpi",
              seats.size(), taken.size()),
          shared);
    }
    String library = seats.get(0).library;
    List<String> others = new ArrayList<>();
    for (int rank = 1; rank < seats.size(); rank++) {
      if (!seats.get(rank).library.equals(library)) {
        others.add(
            Text.format(
                "rank %s beside rank 0: %s, not %s", rank, seats.get(rank).library, library));
      }
    }
    if (!others.isEmpty()) {
      throw new SharedError(
          "the ranks have different versions of NCCL; say with --cuda-libs which one they take",
          others);
    }
  }
}
