package org.jresnet.serve;

import io.undertow.util.HeaderMap;
import io.undertow.util.Headers;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HashSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.jresnet.base.Digests;
import org.jresnet.base.Text;

/**
 * Who is let in.
 *
 * <p>A server on the loopback interface answers to its own names alone: a page in the user's
 * browser whose name was made to resolve to 127.0.0.1 (DNS rebinding) sends another one in the Host
 * header. Pages of other servers are recognised by their Origin, and refused.
 */
public final class Gate {
  private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");
  private static final String BEARER = "bearer ";

  private final Set<String> hosts = new HashSet<>();
  private final boolean anyHost;
  private final Optional<byte[]> token;

  /** A gate of a server that listens at {@code host}. */
  public Gate(String host, ServerOptions.Access access) {
    access.hosts().forEach(name -> hosts.add(name.toLowerCase(Locale.ROOT)));
    anyHost = hosts.isEmpty() && !loopback(host);
    hosts.addAll(LOOPBACK);
    token = access.token().map(Gate::digest);
  }

  /** Whether only this machine reaches an interface. */
  static boolean loopback(String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }

  /** Digests have one length, so that the comparison tells nothing of the token's. */
  private static byte[] digest(String token) {
    return Digests.sha256().digest(token.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Looks at a request's head.
   *
   * @throws Problem when it is refused
   */
  public void require(HeaderMap headers, boolean guarded) {
    requireHost(headers);
    if (guarded && token.isPresent()) {
      String given = headers.getFirst(Headers.AUTHORIZATION);
      boolean bears = given != null && given.toLowerCase(Locale.ROOT).startsWith(BEARER);
      byte[] found = digest(bears ? given.substring(BEARER.length()).strip() : "");
      if (!MessageDigest.isEqual(found, token.get()) || !bears) {
        throw new Problem(
            401,
            Text.format(
                "%s; send the header 'Authorization: Bearer TOKEN'",
                bears
                    ? "the token is another one than the server's"
                    : "the server asks for a token"));
      }
    }
  }

  private void requireHost(HeaderMap headers) {
    if (headers.count(Headers.HOST) != 1) {
      throw new Problem(400, "expected one Host header, found " + headers.count(Headers.HOST));
    }
    String host = headers.getFirst(Headers.HOST);
    if (!anyHost && !hosts.contains(name(host))) {
      throw new Problem(
          421,
          Text.format(
              "this server is not '%s'; if that is meant to be one of its names, start it with"
                  + " --allowed-host",
              Text.visible(host)));
    }
    String origin = headers.getFirst(Headers.ORIGIN);
    if (origin != null && !same(origin, host)) {
      throw new Problem(
          403, Text.format("pages of '%s' may not use this server", Text.visible(origin)));
    }
  }

  private boolean same(String origin, String host) {
    try {
      String authority = URI.create(origin).getRawAuthority();
      return authority != null
          && (authority.equalsIgnoreCase(host)
              || !anyHost
                  && hosts.contains(name(authority))
                  && !LOOPBACK.contains(name(authority)));
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  /** Without the port. */
  private static String name(String host) {
    int colon = host.lastIndexOf(':');
    String name = colon > host.lastIndexOf(']') ? host.substring(0, colon) : host;
    return name.toLowerCase(Locale.ROOT);
  }
}
