package org.jresnet.distributed;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/**
 * The ranks of one machine.
 *
 * @param number of this rank among them, from 0
 * @param ranks how many there are
 */
public record Neighbours(int number, int ranks) {
  /** A process that shares its machine with no other rank. */
  public static final Neighbours NONE = new Neighbours(0, 1);

  private static final Path NAME = Path.of("/proc/sys/kernel/hostname");

  /** Another one after each start of the machine, and no two machines have the same. */
  private static final Path BOOT = Path.of("/proc/sys/kernel/random/boot_id");

  /** Asks all ranks where they are; every rank must. */
  public static Neighbours of(Communicator all) {
    if (all.size() == 1) {
      return NONE;
    }
    List<String> machines = all.gather(machine());
    int number = 0;
    int ranks = 0;
    for (int rank = 0; rank < machines.size(); rank++) {
      if (machines.get(rank).equals(machine())) {
        ranks++;
        number += rank < all.rank() ? 1 : 0;
      }
    }
    return new Neighbours(number, ranks);
  }

  /** This machine: its name, and what tells it from others of that name. */
  public static String machine() {
    try {
      return Files.readString(NAME).strip() + " (" + Files.readString(BOOT).strip() + ")";
    } catch (IOException e) {
      throw new UserError(
          Text.format("the name of this machine cannot be read: %s", e.getMessage()), e);
    }
  }
}
