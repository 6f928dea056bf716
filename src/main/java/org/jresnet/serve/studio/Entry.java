package org.jresnet.serve.studio;

import io.undertow.server.HttpServerExchange;
import io.undertow.server.handlers.Cookie;
import io.undertow.server.handlers.CookieImpl;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Deque;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;
import org.jresnet.base.Text;
import org.jresnet.serve.Gate;
import org.jresnet.serve.Problem;
import org.jresnet.serve.ServerOptions;

/**
 * Who may use the studio: whoever knows the address that it printed. Its token becomes a cookie,
 * which the browser sends along with requests of the studio's own pages alone. Every account of the
 * machine reaches the loopback interface, so that being here is not enough.
 */
final class Entry {
  private static final String PARAMETER = "token";
  private static final int BYTES = 24;

  private final Gate gate;
  private final String token;
  private volatile String cookie = "";

  Entry(String host) {
    gate = new Gate(host, new ServerOptions.Access(Optional.empty(), Set.of()));
    byte[] random = new byte[BYTES];
    new SecureRandom().nextBytes(random);
    token = HexFormat.of().formatHex(random);
  }

  /** The address to open. Browsers keep cookies by host and not by port: its name has the port. */
  String address(String host, int port) {
    cookie = "jresnet-studio-" + port;
    return Text.format("http://%s:%s/?%s=%s", host, port, PARAMETER, token);
  }

  /**
   * Looks at a request.
   *
   * @throws Problem when it comes from elsewhere, or does not know the token
   */
  void require(HttpServerExchange exchange) {
    gate.require(exchange.getRequestHeaders(), false);
    String site = exchange.getRequestHeaders().getFirst("Sec-Fetch-Site");
    boolean reads = exchange.getRequestMethod().equalToString("GET");
    if (site != null && !reads && !site.equals("same-origin")) {
      throw new Problem(403, "pages of other servers may not use the studio");
    }
    Deque<String> given = exchange.getQueryParameters().get(PARAMETER);
    if (given != null && equal(given.getFirst())) {
      Cookie fresh = new CookieImpl(cookie, token);
      exchange.setResponseCookie(
          fresh.setHttpOnly(true).setSameSiteMode("Strict").setPath("/").setSecure(false));
      return;
    }
    Cookie shown = exchange.getRequestCookie(cookie);
    if (shown == null || !equal(shown.getValue())) {
      throw new Problem(
          401,
          "this studio opens with the address that 'jresnet studio' printed, which holds a token");
    }
  }

  private boolean equal(String other) {
    return MessageDigest.isEqual(
        token.getBytes(StandardCharsets.UTF_8), other.getBytes(StandardCharsets.UTF_8));
  }
}
