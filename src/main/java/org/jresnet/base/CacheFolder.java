package org.jresnet.base;

import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;

/** Where this user's programs keep what they could make again. */
public final class CacheFolder {
  private CacheFolder() {}

  /**
   * {@code XDG_CACHE_HOME}, or {@code .cache} in the home folder (<a
   * href="https://specifications.freedesktop.org/basedir-spec/latest/">XDG base directories</a>:
   * relative paths are ignored). Where there is no home folder at all, as in containers with a user
   * that nobody named, a path that does not exist.
   *
   * @param environment such as {@code System.getenv()}
   */
  public static Path of(Map<String, String> environment) {
    String xdg = environment.get("XDG_CACHE_HOME");
    if (isAbsolute(xdg)) {
      return Path.of(xdg);
    }
    return Stream.of(environment.get("HOME"), System.getProperty("user.home"))
        .filter(CacheFolder::isAbsolute)
        .findFirst()
        .map(home -> Path.of(home, ".cache"))
        .orElse(Path.of("/nonexistent/.cache"));
  }

  private static boolean isAbsolute(String path) {
    return path != null && path.startsWith("/");
  }
}
