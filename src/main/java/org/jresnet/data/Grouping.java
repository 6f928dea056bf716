package org.jresnet.data;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jresnet.base.UserError;

/**
 * What images belong together, such as those of one person: a regular expression on their ids. Its
 * first group, or the whole match, names the group.
 */
public final class Grouping {
  private final Pattern pattern;

  private Grouping(Pattern pattern) {
    this.pattern = pattern;
  }

  /**
   * By a pattern.
   *
   * @param regex the regular expression; empty: each image is a group of its own
   * @throws UserError when it is no regular expression
   */
  public static Grouping of(String regex) {
    try {
      return new Grouping(regex.isEmpty() ? null : Pattern.compile(regex));
    } catch (PatternSyntaxException e) {
      throw new UserError(
          "the group pattern '" + regex + "' is no regular expression: " + e.getDescription(), e);
    }
  }

  /** Whether images can belong together at all. */
  public boolean isGiven() {
    return pattern != null;
  }

  /**
   * The group of an image.
   *
   * @throws UserError when the pattern does not match, or its group stays empty
   */
  public String key(String id) {
    if (pattern == null) {
      return id;
    }
    Matcher m = pattern.matcher(id);
    if (!m.find()) {
      throw new UserError(
          "the group pattern '"
              + pattern
              + "' does not match '"
              + id
              + "'; it must match every id");
    }
    String key = m.groupCount() > 0 ? m.group(1) : m.group();
    if (key == null) {
      throw new UserError(
          "the first group of the pattern '" + pattern + "' stays empty for '" + id + "'");
    }
    return key;
  }
}
