package org.jresnet.serve;

import io.undertow.util.StatusCodes;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jresnet.base.Json;

/** Why a request gets no answer, as the problem details of RFC 9457. */
public final class Problem extends RuntimeException {
  static final String TYPE = "application/problem+json";

  private static final long serialVersionUID = 1L;

  private final int status;
  private final long retryAfter;

  /**
   * A refusal.
   *
   * @param status of HTTP
   * @param detail what was expected and found, and what to do
   */
  public Problem(int status, String detail) {
    this(status, detail, 0);
  }

  private Problem(int status, String detail, long retryAfter) {
    super(detail, null, false, false);
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** A refusal that may be different after some seconds. */
  public static Problem later(int status, String detail, long seconds) {
    return new Problem(status, detail, seconds);
  }

  /** Of HTTP. */
  public int status() {
    return status;
  }

  /** Seconds; 0 where waiting does not help. */
  long retryAfter() {
    return retryAfter;
  }

  String json() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("type", "about:blank");
    values.put("title", StatusCodes.getReason(status));
    values.put("status", status);
    values.put("detail", getMessage());
    return Json.line(values);
  }
}
