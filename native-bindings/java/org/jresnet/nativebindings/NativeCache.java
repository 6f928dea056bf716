package org.jresnet.nativebindings;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.jresnet.base.CacheFolder;
import org.jresnet.base.UserError;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder into which native libraries are unpacked. Whoever can write there runs code in this
 * process, so it belongs to this user alone; JavaCPP by itself would fall back to a folder below
 * {@code /tmp} whose name anyone can foresee and plant.
 */
public final class NativeCache {
  private static final String PROPERTY = "org.bytedeco.javacpp.cachedir";
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final Logger LOG = LoggerFactory.getLogger(NativeCache.class);

  private NativeCache() {}

  /**
   * Chooses the folder; must run before any class of {@code org.bytedeco} is loaded. A folder that
   * the system property {@code org.bytedeco.javacpp.cachedir} names is taken as it is.
   *
   * @return the folder
   * @throws UserError if the folder could be another user's, or none can be made
   */
  public static synchronized Path prepare() {
    if (System.getProperty(PROPERTY) == null) {
      Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
      Path folder = choose(CacheFolder.of(System.getenv()), temporary);
      System.setProperty(PROPERTY, folder.toString());
    }
    return Path.of(System.getProperty(PROPERTY));
  }

  /** Why a library did not load; JavaCPP's own message says only what it tried last. */
  public static String reason(LinkageError e) {
    Throwable first = e;
    while (first.getCause() != null) {
      first = first.getCause();
    }
    return first == e ? String.valueOf(e.getMessage()) : first.toString();
  }

  /**
   * {@code jresnet/natives} below {@code caches}; where that cannot be written or run from, a new
   * folder below {@code temporary}, which is removed at exit.
   */
  static Path choose(Path caches, Path temporary) {
    Path folder = caches.resolve("jresnet").resolve("natives");
    String problem;
    try {
      Files.createDirectories(caches);
      requireOwn(make(folder.getParent()));
      requireOwn(make(folder));
      requirePrivate(folder);
      if (holdsPrograms(folder)) {
        return folder;
      }
      problem = folder + " lies on a file system that runs no programs (noexec)";
    } catch (IOException e) {
      problem = folder + " cannot be written (" + e + ")";
    }
    return fresh(temporary, problem);
  }

  private static Path make(Path folder) throws IOException {
    // Not createDirectories, which follows a link.
    if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      try {
        Files.createDirectory(folder, PRIVATE);
      } catch (java.nio.file.FileAlreadyExistsException e) {
        // Another start was faster; what it made is checked like any other.
        return folder;
      }
    }
    return folder;
  }

  private static void requireOwn(Path folder) throws IOException {
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      throw refused(folder, "it is a link or a file");
    }
    Object owner = Files.getAttribute(folder, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    Object user = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    if (!owner.equals(user)) {
      throw refused(folder, "it belongs to user " + owner + ", you are user " + user);
    }
  }

  private static void requirePrivate(Path folder) throws IOException {
    Set<PosixFilePermission> granted = Files.getPosixFilePermissions(folder);
    if (granted.contains(PosixFilePermission.GROUP_WRITE)
        || granted.contains(PosixFilePermission.OTHERS_WRITE)) {
      throw refused(
          folder, "others may write there (" + PosixFilePermissions.toString(granted) + ")");
    }
  }

  private static UserError refused(Path folder, String reason) {
    return new UserError(
        "native libraries are not unpacked to "
            + folder
            + ": "
            + reason
            + "; expected a folder of your own that nobody else can write. Remove it, or set"
            + " XDG_CACHE_HOME to another folder");
  }

  /** Whether files can be written there and run: a library is mapped like a program. */
  private static boolean holdsPrograms(Path folder) throws IOException {
    Path probe = Files.createTempFile(folder, ".probe", "", PRIVATE);
    try {
      return Files.isExecutable(probe);
    } finally {
      Files.delete(probe);
    }
  }

  private static Path fresh(Path temporary, String problem) {
    try {
      Path folder = Files.createTempDirectory(temporary, "jresnet-natives-", PRIVATE);
      Runtime.getRuntime().addShutdownHook(new Thread(() -> remove(folder)));
      if (holdsPrograms(folder)) {
        LOG.warn(
            "{}: native libraries are unpacked to {} for this start only; XDG_CACHE_HOME can name"
                + " a folder that keeps them",
            problem,
            folder);
        return folder;
      }
      problem += ", and so does " + temporary;
    } catch (IOException e) {
      problem += ", and neither can " + temporary + " (" + e + ")";
    }
    throw new UserError(
        "native libraries cannot be unpacked: "
            + problem
            + "; set XDG_CACHE_HOME to a folder of your own");
  }

  private static void remove(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    try {
      Files.walkFileTree(
          folder,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes a) throws IOException {
              Files.delete(file);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path f, IOException e) throws IOException {
              Files.delete(f);
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      LOG.warn("{} could not be removed: {}", folder, e.toString());
    }
  }
}
