package org.jresnet.bench;

import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/**
 * What lies between two ranks: a message of n bytes takes {@code latency + n / bytesPerSecond}
 * seconds, in both directions at once, whoever else sends (a full crossbar).
 *
 * @param latency seconds
 * @param bytesPerSecond of one direction
 */
public record Link(double latency, double bytesPerSecond) {
  /** Seconds, where only a rate is named: between MPI processes over TCP or RoCE in one hall. */
  public static final double LATENCY = 5e-6;

  private static final Map<String, Double> RATES =
      Map.of("mbit", 1e6 / 8, "gbit", 1e9 / 8, "mb", 1e6, "gb", 1e9);
  private static final Map<String, Double> PER_SECOND = Map.of("ns", 1e9, "us", 1e6, "ms", 1e3);
  private static final Pattern FORM =
      Pattern.compile("(\\d+\\.?\\d*)(mbit|gbit|mb|gb)(?:,(\\d+\\.?\\d*)(ns|us|ms))?");

  /** Checks the numbers. */
  public Link {
    if (!(latency >= 0 && bytesPerSecond > 0 && Double.isFinite(latency + bytesPerSecond))) {
      throw new UserError("a network has a rate above 0 and a latency of at least 0");
    }
  }

  /**
   * Reads {@code 100Gbit,5us}: a rate in Mbit, Gbit, MB or GB per second, and if you like a latency
   * in ns, us or ms.
   *
   * @throws UserError for anything else
   */
  public static Link of(String text) {
    Matcher m = FORM.matcher(text.toLowerCase(Locale.ROOT));
    if (!m.matches()) {
      throw new UserError(
          Text.format(
              "a network is a rate and a latency, such as 100Gbit,5us or 12.5GB,2us, found '%s'",
              text));
    }
    double latency =
        m.group(3) == null ? LATENCY : Double.parseDouble(m.group(3)) / PER_SECOND.get(m.group(4));
    return new Link(latency, Double.parseDouble(m.group(1)) * RATES.get(m.group(2)));
  }
}
