package org.jresnet.models;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jresnet.base.UserError;

/**
 * How the residual blocks of a ResNet are built, as the part of its name behind the colon says:
 * {@code resnet50:shortcut=A,preact}.
 *
 * @param shortcut what the branch is added to
 * @param order where norms and activations stand
 * @param drop share of images that go without the last block's branch while training; it grows
 *     linearly with the block's number (Huang et al. 2016, <a
 *     href="https://arxiv.org/abs/1603.09382">arXiv:1603.09382</a>, equation 4)
 */
record BlockForm(Shortcut shortcut, Order order, double drop) {
  /** What a branch is added to (He et al. 2015, arXiv:1512.03385, section 4.1). */
  enum Shortcut {
    /** The identity; where the shape changes it is subsampled and new channels are zero. */
    A,
    /** The identity, and a projection where the shape changes: that of the published networks. */
    B,
    /** A projection in every block. */
    C,
    /** Nothing: the plain network that the paper compares with. */
    NONE
  }

  /** Where norms and activations stand. */
  enum Order {
    /** Behind their convolutions, the last activation behind the addition. */
    POST,
    /**
     * In front of their convolutions, so that nothing stands on the identity's way (He et al. 2016,
     * <a href="https://arxiv.org/abs/1603.05027">arXiv:1603.05027</a>).
     */
    PRE
  }

  /** That of the published networks. */
  static final BlockForm PUBLISHED = new BlockForm(Shortcut.B, Order.POST, 0);

  private static final String KNOWN =
      "known are shortcut=A, shortcut=B, shortcut=C, plain, preact and stochastic-depth=SHARE";

  /**
   * What a name says behind its colon.
   *
   * @throws UserError naming the option that is unknown, given twice, or contradicts another
   */
  static BlockForm parse(String network, String text) {
    Map<String, String> given = new LinkedHashMap<>();
    for (String option : text.split(",", -1)) {
      int at = option.indexOf('=');
      String key = at < 0 ? option : option.substring(0, at);
      if (given.put(key, at < 0 ? "" : option.substring(at + 1)) != null) {
        throw new UserError("'%s' names %s twice".formatted(network, key));
      }
    }
    Shortcut shortcut = Shortcut.B;
    Order order = Order.POST;
    double drop = 0;
    for (Map.Entry<String, String> option : given.entrySet()) {
      String value = option.getValue();
      switch (option.getKey() + (value.isEmpty() ? "" : "=")) {
        case "shortcut=" -> shortcut = shortcut(network, value);
        case "plain" -> shortcut = Shortcut.NONE;
        case "preact" -> order = Order.PRE;
        case "stochastic-depth=" -> drop = share(network, value);
        default ->
            throw new UserError(
                "'%s': unknown option '%s%s'; %s"
                    .formatted(
                        network, option.getKey(), value.isEmpty() ? "" : "=" + value, KNOWN));
      }
    }
    if (given.containsKey("plain") && (given.containsKey("shortcut") || drop > 0)) {
      throw new UserError(
          "'%s': a plain network has no shortcuts, and so no branch to go without; leave out %s"
              .formatted(network, drop > 0 ? "stochastic-depth" : "shortcut"));
    }
    return new BlockForm(shortcut, order, drop);
  }

  private static Shortcut shortcut(String network, String value) {
    return switch (value.toUpperCase(Locale.ROOT)) {
      case "A" -> Shortcut.A;
      case "B" -> Shortcut.B;
      case "C" -> Shortcut.C;
      default ->
          throw new UserError("'%s': shortcut is A, B or C, found '%s'".formatted(network, value));
    };
  }

  private static double share(String network, String value) {
    try {
      double share = new BigDecimal(value).doubleValue();
      if (share > 0 && share < 1) {
        return share;
      }
    } catch (NumberFormatException e) {
      // Refused below, as a number out of range.
    }
    throw new UserError(
        "'%s': stochastic-depth is a share between 0 and 1, found '%s'".formatted(network, value));
  }

  /** As {@link #parse} takes it, in one order; empty for the published form. */
  String text() {
    List<String> options = new ArrayList<>();
    if (shortcut == Shortcut.NONE) {
      options.add("plain");
    } else if (shortcut != Shortcut.B) {
      options.add("shortcut=" + shortcut);
    }
    if (order == Order.PRE) {
      options.add("preact");
    }
    if (drop > 0) {
      options.add("stochastic-depth=" + BigDecimal.valueOf(drop).toPlainString());
    }
    return String.join(",", options);
  }
}
