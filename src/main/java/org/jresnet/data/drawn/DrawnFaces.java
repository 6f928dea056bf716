package org.jresnet.data.drawn;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation;

/** Writes the demo's data set. */
public final class DrawnFaces {
  /** Folder of the images that went through the simulated camera. */
  public static final String CAMERA = "camera";

  /** Folder of the images that went through the simulated generator. */
  public static final String GENERATED = "generated";

  /** Scenes are drawn, and the camera's sensor works, at this multiple of the images' side. */
  private static final int SUPERSAMPLING = 2;

  private static final int MIN_QUALITY = 88;
  private static final int MAX_QUALITY = 96;

  /**
   * What to draw.
   *
   * @param perClass images of each class
   * @param size side in pixels, a multiple of 4
   * @param seed of everything
   */
  public record Options(int perClass, int size, long seed) {
    /** Checks the numbers. */
    public Options {
      if (perClass < 1) {
        throw new UserError("at least one image per class is needed, found " + perClass);
      }
      if (size < 32 || size > 1024 || size % 4 != 0) {
        throw new UserError(
            "the size of drawn faces is a multiple of 4 between 32 and 1024, found " + size);
      }
    }
  }

  private DrawnFaces() {}

  /**
   * Draws all images into a new folder: {@code camera/00000.jpg} onwards, {@code
   * generated/00000.jpg} onwards and a {@code README.md} that says what they are. Each image
   * depends on seed, size, class and number alone. The folder appears complete or not at all; its
   * files are not forced to disk one by one, as they can be drawn again at any time.
   *
   * @param folder new or empty
   * @param progress told the number of images done, from several threads, in any order
   * @throws UserError when the folder is not empty or cannot be written
   */
  public static void write(Path folder, Options options, IntConsumer progress) {
    requireNewOrEmpty(folder);
    Path target = folder.toAbsolutePath().normalize();
    Path temporary = target.resolveSibling("." + target.getFileName() + ".tmp");
    try {
      if (Files.exists(target)) {
        target = target.toRealPath();
      }
      delete(temporary);
      Files.createDirectories(temporary.resolve(CAMERA));
      Files.createDirectories(temporary.resolve(GENERATED));
      AtomicInteger done = new AtomicInteger();
      // A parallel stream that fails returns before its other threads have stopped writing.
      AtomicReference<RuntimeException> failure = new AtomicReference<>();
      IntStream.range(0, 2 * options.perClass())
          .parallel()
          .filter(i -> failure.get() == null)
          .forEach(
              i -> {
                try {
                  write(temporary, options, i % 2 == 0 ? CAMERA : GENERATED, i / 2);
                  progress.accept(done.incrementAndGet());
                } catch (RuntimeException e) {
                  failure.compareAndSet(null, e);
                }
              });
      if (failure.get() != null) {
        throw failure.get();
      }
      Files.writeString(temporary.resolve("README.md"), readme(options));
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (UncheckedIOException e) {
      throw cannotWrite(folder, e.getCause());
    } catch (IOException e) {
      throw cannotWrite(folder, e);
    } finally {
      deleteWhatCanBe(temporary);
    }
  }

  private static void requireNewOrEmpty(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    if (!Files.isDirectory(folder)) {
      throw new UserError(
          "the drawn faces need a new or empty folder, but "
              + folder
              + " is a file; choose another name");
    }
    try (Stream<Path> entries = Files.list(folder)) {
      entries
          .findAny()
          .ifPresent(
              found -> {
                throw new UserError(
                    "the drawn faces need a new or empty folder, but "
                        + folder
                        + " holds "
                        + found.getFileName()
                        + "; delete the folder or choose another");
              });
    } catch (IOException e) {
      throw cannotWrite(folder, e);
    }
  }

  private static UserError cannotWrite(Path folder, IOException e) {
    String reason = e.getMessage();
    if (e instanceof AccessDeniedException) {
      reason = "no permission for " + reason;
    } else if (e instanceof FileAlreadyExistsException) {
      reason = reason + " is a file where a folder is needed";
    }
    return new UserError(
        "the drawn faces cannot be written to "
            + folder
            + ": "
            + reason
            + "; nothing was left behind, choose another folder or make room",
        e);
  }

  private static void delete(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (Stream<Path> walk = Files.walk(folder)) {
        for (Path p : walk.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(p);
        }
      }
    }
  }

  /** After a failure, whose own error must not be hidden by this one; the next run tries again. */
  private static void deleteWhatCanBe(Path temporary) {
    try {
      delete(temporary);
    } catch (IOException | UncheckedIOException ignored) {
      return;
    }
  }

  private static void write(Path folder, Options options, String kind, int number) {
    SplittableRandom random = RandomStreams.of(options.seed(), kind, number);
    var scene = Scene.draw(random, options.size() * SUPERSAMPLING);
    Planes image =
        kind.equals(CAMERA)
            ? Camera.shoot(Planes.of(scene, options.size() * SUPERSAMPLING), random)
            : Generator.imitate(Planes.of(scene, options.size()), random);
    int quality = MIN_QUALITY + random.nextInt(MAX_QUALITY - MIN_QUALITY + 1);
    try {
      byte[] jpeg = Augmentation.jpeg(image.toImage(), quality);
      Files.write(
          folder.resolve(kind).resolve(String.format(Locale.ROOT, "%05d.jpg", number)), jpeg);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String readme(Options options) {
    return String.format(
        Locale.ROOT,
        """
        # Drawn faces

        %d images of %d x %d pixels per class, drawn by `jresnet demo` (seed %d). They are drawings: none shows a real
        person, none was taken by a camera, none was made by a generative model.

        - `camera`: the drawing seen by a simulated camera: lens blur, Bayer mosaic, photon and read noise, demosaicing,
          white balance, sharpening.
        - `generated`: the drawing built up from a quarter of its side by two simulated transposed convolutions, with the
          checkerboard that their uneven overlap leaves, and noise that was upsampled with it.

        Both classes draw their scenes from one distribution, no scene twice, and end in one JPEG encoder (4:2:0, quality
        %d to %d). The set shows that training, evaluation and prediction work. It is no benchmark: real cameras and real
        generators leave other and weaker traces, and a network trained here says nothing about real images.
        """,
        options.perClass(),
        options.size(),
        options.size(),
        options.seed(),
        MIN_QUALITY,
        MAX_QUALITY);
  }
}
