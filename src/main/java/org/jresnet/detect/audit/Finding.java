package org.jresnet.detect.audit;

import java.util.Map;
import org.jresnet.base.Named;

/**
 * Something that a user should know before training.
 *
 * @param severity how bad it is
 * @param id what it is, the same in every version, such as {@code opponent-file}
 * @param text what was found, in one or two plain sentences
 * @param evidence the numbers behind it, by name
 * @param advice what to do
 */
public record Finding(
    Severity severity, String id, String text, Map<String, Double> evidence, String advice) {
  /** How bad it is. */
  public enum Severity implements Named {
    /** A result on this set will not mean what it seems to. */
    SERIOUS,
    /** It may not. */
    WARNING,
    /** Good to know. */
    NOTE;
  }

  /** Copies the numbers. */
  public Finding {
    evidence = Map.copyOf(evidence);
  }

  /** Whether {@code --strict} fails on it. */
  public boolean failsStrict() {
    return severity != Severity.NOTE;
  }
}
