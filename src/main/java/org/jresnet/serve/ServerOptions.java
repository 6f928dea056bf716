package org.jresnet.serve;

import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/**
 * How a server listens, batches and refuses.
 *
 * @param address where it listens
 * @param batching what is computed together
 * @param bounds of bytes, connections and times
 * @param access who may ask
 */
public record ServerOptions(Address address, Batching batching, Bounds bounds, Access access) {
  /**
   * Where it listens.
   *
   * @param host name or address of an interface
   * @param port 0 for any that is free
   */
  public record Address(String host, int port) {}

  /**
   * What is computed together.
   *
   * @param largest most images of a pass
   * @param delay how long the first image of a pass waits for others
   * @param queue images of a model that are decoded or wait, at most
   */
  public record Batching(int largest, Duration delay, int queue) {}

  /**
   * Bounds.
   *
   * @param bytes of a request's body
   * @param connections that are open at the same time; further ones wait to be accepted
   * @param request time for the head of a request, and again for its body
   * @param drain time for requests under way when the server ends
   */
  public record Bounds(long bytes, int connections, Duration request, Duration drain) {}

  /**
   * Who may ask.
   *
   * @param token that requests must bear; empty for anybody's
   * @param hosts further names of this server in the Host header
   */
  public record Access(Optional<String> token, Set<String> hosts) {
    /** Copies the set. */
    public Access {
      hosts = Set.copyOf(hosts);
    }
  }
}
