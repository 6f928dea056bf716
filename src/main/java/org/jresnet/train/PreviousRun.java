package org.jresnet.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jresnet.base.AtomicFile;

/**
 * The run that {@code --overwrite} replaces, put aside until the new run has its first checkpoint.
 *
 * <p>Its files move to {@code .previous-moving}, which then becomes {@code .previous}. So at any
 * moment the folder says what to do after a killed process: {@code .previous-moving}: everything in
 * it goes back; {@code .previous} without a {@code last.ckpt} beside it: the new run's files go,
 * then everything goes back; {@code .previous} with one: the new run has its first checkpoint, the
 * old one goes.
 */
final class PreviousRun {
  static final String KEPT = ".previous";
  private static final String MOVING = ".previous-moving";

  private final Path folder;
  private final List<String> own;

  /**
   * In a locked folder.
   *
   * @param own names of the files that make up a run
   */
  PreviousRun(Path folder, List<String> own) {
    this.folder = folder;
    this.own = own;
  }

  private static boolean exists(Path file) {
    return Files.exists(file, LinkOption.NOFOLLOW_LINKS);
  }

  /** Ends what a killed process began; whether an old run was put back. */
  boolean recover() throws IOException {
    boolean back = false;
    if (exists(folder.resolve(MOVING))) {
      moveBack();
      back = true;
    }
    if (exists(folder.resolve(KEPT))) {
      if (exists(folder.resolve(RunFolder.LAST))) {
        delete();
      } else {
        putBack();
        back = true;
      }
    }
    return back;
  }

  /** Puts the run in the folder aside, if there is one; whether there was. */
  boolean putAside() throws IOException {
    List<String> present = own.stream().filter(n -> exists(folder.resolve(n))).toList();
    if (present.isEmpty()) {
      return false;
    }
    Path moving = Files.createDirectory(folder.resolve(MOVING));
    for (String name : present) {
      Files.move(folder.resolve(name), moving.resolve(name), StandardCopyOption.ATOMIC_MOVE);
    }
    AtomicFile.forceFolder(moving);
    Files.move(moving, folder.resolve(KEPT), StandardCopyOption.ATOMIC_MOVE);
    AtomicFile.forceFolder(folder);
    return true;
  }

  /** Deletes the new run's files and puts the old one back. */
  void putBack() throws IOException {
    for (String name : own) {
      deleteTree(folder.resolve(name));
    }
    AtomicFile.forceFolder(folder);
    Files.move(folder.resolve(KEPT), folder.resolve(MOVING), StandardCopyOption.ATOMIC_MOVE);
    moveBack();
  }

  private void moveBack() throws IOException {
    Path moving = folder.resolve(MOVING);
    for (String name : own) {
      if (exists(moving.resolve(name))) {
        Files.move(moving.resolve(name), folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
      }
    }
    AtomicFile.forceFolder(folder);
    Files.delete(moving);
  }

  /** Deletes a file or a folder with all in it, links but not what they lead to. */
  private static void deleteTree(Path path) throws IOException {
    if (!exists(path)) {
      return;
    }
    try (Stream<Path> all = Files.walk(path)) {
      for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(p);
      }
    }
  }

  /** Deletes the run that was put aside. */
  void delete() throws IOException {
    for (String name : own) {
      deleteTree(folder.resolve(KEPT).resolve(name));
    }
    Files.delete(folder.resolve(KEPT));
  }
}
