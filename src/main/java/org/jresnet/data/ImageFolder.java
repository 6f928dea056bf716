package org.jresnet.data;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.shards.Shards;

/**
 * Images in one folder per class, as torchvision's ImageFolder reads them: class ids follow the
 * sorted folder names, files are sorted, folders below a class belong to it. Hidden files are left
 * out. A folder of {@linkplain Shards shards} is read as the folder that was packed.
 */
public final class ImageFolder {
  private static final Set<String> EXTENSIONS =
      Set.of("jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "ppm");

  private ImageFolder() {}

  /** {@code ~} and {@code ~/…} expanded to the home folder. */
  public static Path expand(String path) {
    if (path.equals("~") || path.startsWith("~/")) {
      return Path.of(System.getProperty("user.home") + path.substring(1));
    }
    return Path.of(path);
  }

  /** Whether a file name has the extension of an image. */
  public static boolean isImage(Path file) {
    String name = file.getFileName().toString();
    return !name.startsWith(".")
        && EXTENSIONS.contains(name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT));
  }

  /**
   * Reads the names of all images; none is opened.
   *
   * @throws UserError when the folder is missing, empty, unreadable, or has fewer than two classes
   *     with images
   */
  public static Dataset scan(Path given) {
    Path root = Shards.enter(given);
    List<String> classes = folders(root);
    if (classes.isEmpty()) {
      int files = files(root).size();
      throw new UserError(
          root
              + ": expected one folder per class with images in it (such as "
              + root.resolve("real")
              + " and "
              + root.resolve("fake")
              + "), found "
              + (files == 0 ? "an empty folder" : Text.count(files, "file") + " and no folder"));
    }
    if (classes.size() == 1) {
      throw new UserError(
          root
              + ": expected at least two class folders, found only '"
              + classes.get(0)
              + "'; a classifier needs something to tell apart");
    }
    return scan(root, classes);
  }

  /** As {@link #scan(Path)}, for known classes. */
  static Dataset scan(Path root, List<String> classes) {
    List<Sample> samples = new ArrayList<>();
    int ignored = 0;
    for (int label = 0; label < classes.size(); label++) {
      Path folder = root.resolve(classes.get(label));
      int before = samples.size();
      List<Path> files = files(folder);
      for (Path file : files) {
        if (isImage(file)) {
          samples.add(new Sample(file, root.relativize(file).toString().replace('\\', '/'), label));
        } else {
          ignored++;
        }
      }
      if (samples.size() == before) {
        throw new UserError(
            folder
                + ": expected images (jpg, png, webp, bmp, gif, tif, ppm) of class '"
                + classes.get(label)
                + "', found none"
                + (files.isEmpty() ? "" : " among " + Text.count(files.size(), "file")));
      }
    }
    return new Dataset(classes, samples, ignored);
  }

  /**
   * Images of some of a model's classes, as labels of that model.
   *
   * @param classes all classes that the model knows
   * @throws UserError when a folder is none of them
   */
  public static Dataset scanSome(Path given, List<String> classes) {
    Path root = Shards.enter(given);
    List<String> found = folders(root);
    if (found.isEmpty() || !classes.containsAll(found)) {
      throw new UserError(
          root
              + ": expected one folder per class, named as the model's classes "
              + classes
              + ", found "
              + (found.isEmpty() ? "none" : found.toString())
              + "; rename them, or name the class of all images in there with --class, such as"
              + " --class "
              + classes.get(0));
    }
    Dataset some = scan(root, found);
    return new Dataset(
        classes,
        some.samples().stream()
            .map(s -> new Sample(s.file(), s.id(), classes.indexOf(found.get(s.label()))))
            .toList(),
        some.ignored());
  }

  /**
   * All images below a folder, of one class of a model.
   *
   * @throws UserError when the class is none of the model's, or there is no image
   */
  public static Dataset scanOne(Path given, List<String> classes, String name) {
    Path root = Shards.enter(given);
    if (!classes.contains(name)) {
      throw new UserError(
          "--class must be one of the model's classes " + classes + ", found " + name);
    }
    folders(root);
    int label = classes.indexOf(name);
    List<Path> files = files(root);
    List<Sample> samples =
        files.stream()
            .filter(ImageFolder::isImage)
            .map(f -> new Sample(f, root.relativize(f).toString().replace('\\', '/'), label))
            .toList();
    if (samples.isEmpty()) {
      throw new UserError(root + ": found no image among " + files.size() + " files");
    }
    return new Dataset(classes, samples, files.size() - samples.size());
  }

  /** Sorted names of the visible folders in {@code root}. */
  static List<String> folders(Path given) {
    Path root = Shards.enter(given);
    if (!Files.exists(root)) {
      throw new UserError("the data folder " + root.toAbsolutePath() + " does not exist");
    }
    if (!Files.isDirectory(root)) {
      throw new UserError(root + " is a file; expected a folder with one folder per class");
    }
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(root)) {
      for (Path entry : entries) {
        String name = entry.getFileName().toString();
        if (Files.isDirectory(entry) && !name.startsWith(".")) {
          names.add(name);
        }
      }
    } catch (IOException e) {
      throw unreadable(root, e);
    }
    names.sort(ImageFolder::pythonOrder);
    return names;
  }

  /** Order by code points, as Python's {@code sorted}; Java's own order puts 😀 before ﬁ. */
  public static int pythonOrder(String a, String b) {
    for (int i = 0; i < Math.min(a.length(), b.length()); i++) {
      char x = a.charAt(i);
      char y = b.charAt(i);
      if (x != y) {
        boolean beyond = Character.isSurrogate(x);
        return beyond == Character.isSurrogate(y) ? x - y : beyond ? 1 : -1;
      }
    }
    return a.length() - b.length();
  }

  /**
   * Visible files below a folder, sorted by path. Links are followed, but not back into a folder
   * that the walk is in.
   */
  private static List<Path> files(Path folder) {
    List<Path> files = walk(folder).files;
    files.sort((a, b) -> pythonOrder(a.toString(), b.toString()));
    return files;
  }

  /**
   * What {@link #scan(Path)} passes over; what is no image beside the class folders is not told.
   */
  public static LeftOut leftOut(Path given) {
    Path root = Shards.enter(given);
    List<Path> outside = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(root, ImageFolder::isImage)) {
      entries.forEach(f -> outside.add(f));
    } catch (IOException e) {
      throw unreadable(root, e);
    }
    return leftOut(root, folders(root).stream().map(root::resolve).toList(), outside);
  }

  /** What {@link #images} passes over below a folder. */
  public static LeftOut leftOutBelow(Path given) {
    Path folder = Shards.enter(given);
    return leftOut(folder, List.of(folder), List.of());
  }

  private static LeftOut leftOut(Path root, List<Path> folders, List<Path> outside) {
    List<Path> names = new ArrayList<>();
    List<Path> hidden = new ArrayList<>();
    List<Path> special = new ArrayList<>();
    for (Path folder : folders) {
      Walk walk = walk(folder);
      walk.files.stream().filter(f -> !isImage(f)).forEach(names::add);
      hidden.addAll(walk.hidden);
      special.addAll(walk.special);
    }
    List<Path> examples =
        Stream.of(names, hidden, special, outside)
            .flatMap(List::stream)
            .map(root::relativize)
            .sorted((a, b) -> pythonOrder(a.toString(), b.toString()))
            .toList();
    return new LeftOut(names.size(), hidden.size(), special.size(), outside.size(), examples);
  }

  private static Walk walk(Path folder) {
    Walk walk = new Walk(folder);
    try {
      Files.walkFileTree(folder, EnumSet.of(FileVisitOption.FOLLOW_LINKS), Integer.MAX_VALUE, walk);
      return walk;
    } catch (IOException e) {
      throw unreadable(folder, e);
    }
  }

  private static final class Walk extends SimpleFileVisitor<Path> {
    private final Path folder;
    private final List<Path> files = new ArrayList<>();
    private final List<Path> hidden = new ArrayList<>();
    private final List<Path> special = new ArrayList<>();

    Walk(Path folder) {
      this.folder = folder;
    }

    @Override
    public FileVisitResult preVisitDirectory(Path dir, BasicFileAttributes attributes) {
      if (dir.equals(folder) || !isHidden(dir)) {
        return FileVisitResult.CONTINUE;
      }
      hidden.add(dir);
      return FileVisitResult.SKIP_SUBTREE;
    }

    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
      // A dangling link counts as a file: it is reported like any image that is missing.
      boolean ordinary = attributes.isRegularFile() || attributes.isSymbolicLink();
      (isHidden(file) ? hidden : ordinary ? files : special).add(file);
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
      if (e instanceof FileSystemLoopException) {
        return FileVisitResult.CONTINUE;
      }
      throw e;
    }
  }

  private static boolean isHidden(Path path) {
    return path.getFileName().toString().startsWith(".");
  }

  /**
   * Images named on a command line: files as they are, folders walked.
   *
   * @throws UserError when a path does not exist or a folder holds no image
   */
  public static List<Path> images(List<Path> paths) {
    List<Path> images = new ArrayList<>();
    for (Path given : paths) {
      Path path = Shards.enter(given);
      if (!Files.isDirectory(path)) {
        images.add(path);
        continue;
      }
      List<Path> found = files(path).stream().filter(ImageFolder::isImage).toList();
      if (found.isEmpty()) {
        throw new UserError(
            path + ": found no image (jpg, png, webp, bmp, gif, tif, ppm) in this folder");
      }
      images.addAll(found);
    }
    return images;
  }

  private static UserError unreadable(Path path, IOException e) {
    String reason =
        e instanceof AccessDeniedException
            ? "permission denied for " + e.getMessage()
            : e.toString();
    return new UserError(path + " cannot be read: " + reason, e);
  }
}
