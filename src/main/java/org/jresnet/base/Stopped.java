package org.jresnet.base;

/** Work that was given up because the user asked to stop. */
public final class Stopped extends UserError {
  private static final long serialVersionUID = 1L;

  /** Says what was given up, and what is lost. */
  public Stopped(String message) {
    super(message);
  }
}
