package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Stream;
import org.jresnet.data.ImageDecoder.Orientation;
import org.jresnet.testing.Bounded;
import org.junit.jupiter.params.provider.Arguments;

/** What the fuzz tests of image formats have in common. */
final class FuzzedImages {
  /** Enough for every seed, and little enough for many images a second. */
  private static final long MAX_PIXELS = 200_000;

  /** Fuzzing slows code down, by about five; a header of any size costs as good as nothing. */
  private static final Bounded.Limits HEADER = new Bounded.Limits(1, 20, 4 << 20, 20);

  private static final Bounded.Limits DECODING = new Bounded.Limits(3, 100, 64 << 20, 200);

  private FuzzedImages() {}

  /** Fixtures whose names begin so, the small ones. */
  static Stream<Arguments> seeds(String prefix) throws IOException {
    try (Stream<Path> fixtures = Files.list(Goldens.image("gif.gif").getParent())) {
      Stream.Builder<Arguments> seeds = Stream.builder();
      for (Path fixture : fixtures.sorted().toList()) {
        if (fixture.getFileName().toString().startsWith(prefix) && Files.size(fixture) < 3000) {
          seeds.add(Arguments.of((Object) Files.readAllBytes(fixture)));
        }
      }
      return seeds.build();
    }
  }

  /**
   * Reads head and pixels within bounds. The head says the same from a file and from memory, and
   * its size is the pixels'; the orientation only turns them; what fails has one kind of error that
   * names the file.
   */
  static void check(Path file, byte[] bytes) throws Exception {
    Files.write(file, bytes);
    Optional<ImageInfo> info =
        Bounded.run(HEADER, bytes.length, () -> tried(file, () -> ImageInfo.read(file)));
    assertThat(tried(file, () -> ImageInfo.read(file, Head.of(bytes)))).isEqualTo(info);
    Optional<RgbImage> stored =
        Bounded.run(
            DECODING,
            bytes.length,
            () -> tried(file, () -> decode(file, bytes, Orientation.IGNORE)));
    Optional<RgbImage> turned = tried(file, () -> decode(file, bytes, Orientation.APPLY));
    assertThat(turned.isPresent()).isEqualTo(stored.isPresent());
    if (stored.isPresent()) {
      RgbImage wanted = stored.get();
      // A TIFF is turned in any case.
      boolean tiff = info.orElseThrow().format().equals("TIFF");
      int orientation = tiff ? 1 : info.get().orientation();
      assertThat(Arrays.equals(turned.get().rgb(), wanted.upright(orientation).rgb())).isTrue();
      assertThat(wanted.width() * (long) wanted.height()).isEqualTo(info.get().pixels());
      assertThat(tiff || wanted.width() == info.get().width()).isTrue();
    }
  }

  private static RgbImage decode(Path file, byte[] bytes, Orientation orientation)
      throws BadImageException {
    return ImageDecoder.decode(file, bytes, new ImageDecoder.Options(orientation, MAX_PIXELS));
  }

  private interface Reader<T> {
    T read() throws BadImageException;
  }

  private static <T> Optional<T> tried(Path file, Reader<T> reader) {
    try {
      return Optional.of(reader.read());
    } catch (BadImageException e) {
      assertThat(e.getMessage()).startsWith(file + ": ");
      return Optional.empty();
    }
  }
}
