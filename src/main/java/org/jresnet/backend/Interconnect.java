package org.jresnet.backend;

import java.time.Duration;

/**
 * What joins a backend's device with those of other ranks, which then add up values without the
 * hosts.
 */
public interface Interconnect {
  /** The library that does it, with its version: the same one on all ranks. */
  String library();

  /** Which device of this machine is joined: another one for each rank. */
  String device();

  /** Bytes by which ranks find each other. One of them makes them for all. */
  byte[] invitation();

  /**
   * Joins the other ranks; every rank calls it with the same invitation.
   *
   * @param rank of this one, from 0
   * @param ranks how many there are
   * @param patience how long the others are waited for, here and in every sum
   * @return when all have come
   * @throws org.jresnet.base.UserError when the devices do not find each other
   */
  DeviceRanks join(byte[] invitation, int rank, int ranks, Duration patience);
}
