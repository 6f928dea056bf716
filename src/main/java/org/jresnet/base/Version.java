package org.jresnet.base;

/** Which jresnet this is. */
public final class Version {
  private Version() {}

  /** The version of the jar; {@code development} for classes outside of one. */
  public static String number() {
    String version = Version.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }
}
