package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.jresnet.backend.Backend;
import org.jresnet.backend.cpu.CpuBackend;
import org.jresnet.backend.cpu.CpuOptions;
import org.jresnet.base.JpegDevice;
import org.jresnet.base.Json;
import org.jresnet.base.UserError;
import org.jresnet.data.ImageDecoder.Options;
import org.jresnet.data.ImageDecoder.Orientation;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.BackendSettings;
import org.jresnet.engine.Backends;
import org.jresnet.nativebindings.cuda.CudaLibraries;
import org.jresnet.testing.SimulatedGpu;
import org.jresnet.testing.TestBackends;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files decoded by nvJPEG; the simulated one marks the first pixel. */
@Timeout(300)
final class GpuJpegTest {
  private static final int JPEGS = 1_000_008;
  private static final int JPEG_ENGINES = 1_000_009;
  private static final boolean SIMULATED = Boolean.getBoolean("jresnet.test.simulated");

  /** What engines do not take, of the images that can be decoded. */
  private static final Set<String> ON_CPU = Set.of("jpeg-411.jpg", "jpeg-cmyk.jpg", "jpeg-rgb.jpg");

  /** Where libjpeg, and so the CPU, makes do with what there is. */
  private static final Set<String> DAMAGED = Set.of("jpeg-damaged.jpg", "jpeg-eoi-early.jpg");

  @TempDir Path folder;

  private static Options with(JpegDevice device) {
    return Options.DEFAULT.withJpeg(new JpegDecoder(device));
  }

  private static JpegDevice device(Backend backend, String kind) {
    try {
      return backend.jpegDevice(kind);
    } catch (UserError e) {
      assumeTrue(SIMULATED, e.getMessage());
      throw e;
    }
  }

  /** Mean difference of all values but those of the first pixel. */
  private static double mean(RgbImage a, RgbImage b) {
    long sum = 0;
    for (int i = 3; i < a.rgb().length; i++) {
      sum += Math.abs((a.rgb()[i] & 255) - (b.rgb()[i] & 255));
    }
    return (double) sum / Math.max(1, a.rgb().length - 3);
  }

  private static boolean marked(RgbImage image) {
    return Arrays.equals(Arrays.copyOf(image.rgb(), 3), new byte[] {1, 2, 3});
  }

  @ParameterizedTest
  @ValueSource(strings = {"nvjpeg", "nvjpeg-hybrid"})
  void theHeaderSaysWhoDecodes(String kind) throws Exception {
    Set<String> byDevice = new TreeSet<>();
    Set<String> expected = new TreeSet<>();
    try (Backend backend = TestBackends.open("gpu")) {
      JpegDevice device = device(backend, kind);
      assertThat(device.name()).matches(kind + " 13\\.\\d+\\.\\d+");
      for (String[] row : Goldens.table("decode.tsv")) {
        Path file = Goldens.image(row[0]);
        if (!row[0].startsWith("jpeg-") || DAMAGED.contains(row[0])) {
          continue;
        }
        RgbImage exact = ImageDecoder.decode(file);
        int before = decoded();
        RgbImage found = ImageDecoder.decode(file, with(device));
        boolean plain = !ON_CPU.contains(row[0]) && !row[0].contains("progressive");
        if (plain) {
          expected.add(row[0]);
        }
        if (decoded() > before) {
          byDevice.add(row[0]);
          assertThat(marked(found)).as(row[0]).isTrue();
        } else if (SIMULATED) {
          assertThat(found.rgb()).as(row[0]).isEqualTo(exact.rgb());
        }
        assertThat(found.width()).as(row[0]).isEqualTo(exact.width());
        assertThat(ImageInfo.read(file).plainJpeg()).as(row[0]).isEqualTo(plain);
        // Repeated chroma at the edges of coloured noise is far from interpolated.
        double bound = row[0].contains("444") || row[0].contains("grey") ? 1 : 12;
        assertThat(mean(found, exact)).as("%s, mean difference", row[0]).isLessThan(bound);
      }
    }
    assumeTrue(SIMULATED, "only a simulated GPU tells what it has decoded");
    assertThat(byDevice).isEqualTo(expected).hasSizeGreaterThan(20);
  }

  private static int decoded() {
    return SimulatedGpu.ask(JPEGS, 0);
  }

  @Test
  void orientationAndSizeAreAppliedAfterIt() throws Exception {
    Path turned = Goldens.image("jpeg-exif6.jpg");
    try (Backend backend = TestBackends.open("gpu")) {
      JpegDevice device = device(backend, "nvjpeg");
      RgbImage lying = ImageDecoder.decode(turned, with(device));
      Options upright = new Options(Orientation.APPLY, 1_000_000, new JpegDecoder(device));
      RgbImage image = ImageDecoder.decode(turned, upright);
      assertThat(image.rgb()).isEqualTo(lying.upright(6).rgb());
      assertThat(image.width()).isEqualTo(lying.height());
      Preprocess small = new Preprocess(7, Preprocess.Mode.CROP, upright);
      assertThat(ImageDecoder.input(turned, small).pixels().rgb())
          .isEqualTo(small.apply(image).rgb());
    }
  }

  /** Images of many sizes, larger and smaller than what memory was made for, by several threads. */
  @ParameterizedTest
  @ValueSource(strings = {"nvjpeg", "nvjpeg-hybrid"})
  void threadsDoNotMixTheirImages(String kind) throws Exception {
    List<byte[]> files = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      RgbImage image = Goldens.noise(i % 6 == 5 ? 801 : 17 + 13 * i, i % 6 == 5 ? 603 : 40 - i, i);
      files.add(Augmentation.jpeg(image, 90));
    }
    try (Backend backend = TestBackends.open("gpu")) {
      Options options = with(device(backend, kind));
      List<byte[]> alone = new ArrayList<>();
      for (byte[] file : files) {
        alone.add(ImageDecoder.decode(Path.of("alone"), file, options).rgb());
      }
      ExecutorService pool = Executors.newFixedThreadPool(4);
      List<Future<RgbImage>> together = new ArrayList<>();
      for (int round = 0; round < 3; round++) {
        for (byte[] file : files) {
          together.add(pool.submit(() -> ImageDecoder.decode(Path.of("x"), file, options)));
        }
      }
      for (int i = 0; i < together.size(); i++) {
        assertThat(together.get(i).get().rgb())
            .as("image %d", i)
            .isEqualTo(alone.get(i % files.size()));
      }
      pool.shutdown();
    }
  }

  @Test
  void damagedFilesAreNamed() throws Exception {
    try (Backend backend = TestBackends.open("gpu")) {
      Options options = with(device(backend, "nvjpeg"));
      for (String cut : List.of("broken-jpeg-half.jpg", "broken-jpeg-no-eoi.jpg")) {
        assertThatThrownBy(() -> ImageDecoder.decode(Goldens.image(cut), options))
            .isInstanceOf(BadImageException.class)
            .hasMessageContainingAll(cut, "is truncated: the end of the JPEG data is missing");
      }
      // An end of the image where the middle of its data was.
      byte[] whole = Files.readAllBytes(Goldens.image("jpeg-444.jpg"));
      byte[] cut = Arrays.copyOf(whole, whole.length * 2 / 3);
      cut[cut.length - 2] = (byte) 0xFF;
      cut[cut.length - 1] = (byte) 0xD9;
      if (SIMULATED) {
        assertThatThrownBy(() -> ImageDecoder.decode(Path.of("cut.jpg"), cut, options))
            .isInstanceOf(BadImageException.class)
            .hasMessageContainingAll("cut.jpg", "nvjpeg 13.1.0 refuses it", "the file is damaged");
      }
      // The next one is decoded as if nothing had been.
      assertThat(ImageDecoder.decode(Path.of("whole"), whole, options).rgb())
          .isEqualTo(ImageDecoder.decode(Goldens.image("jpeg-444.jpg"), options).rgb());
    }
  }

  @Test
  void whatIsMissingIsSaidBeforeAnyWork() throws Exception {
    assertThatThrownBy(() -> new CpuBackend().jpegDevice("nvjpeg"))
        .isInstanceOf(UserError.class)
        .hasMessageContainingAll("--jpeg-decoder nvjpeg", "cpu", "--backend gpu");
    assertThatThrownBy(() -> new JpegDecoder("libjpeg"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("known: cpu, nvjpeg, nvjpeg-hybrid");
    assertThatThrownBy(
            () ->
                ImageDecoder.decode(
                    Goldens.image("jpeg-420.jpg"),
                    Options.DEFAULT.withJpeg(new JpegDecoder("nvjpeg 13.1.0"))))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("nvjpeg 13.1.0");
    String text = "{\"orientation\":\"IGNORE\",\"maxPixels\":9,\"jpeg\":\"nvjpeg 13.0.9\"}";
    Options recorded = Json.parse("record", text, Options.class);
    assertThat(Json.line(recorded)).isEqualTo(text);
    assertThat(recorded.jpeg().isOpen()).isFalse();
    assertThatThrownBy(() -> Json.parse("record", text.replace("nvj", "turboj"), Options.class))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("record: jpeg: unknown JPEG decoder 'turbojpeg'");
    TestBackends.open("gpu").close();
    assumeTrue(SIMULATED, "libraries are taken away from a simulated GPU alone");
    try (Stream<Path> libraries = Files.list(SimulatedGpu.folder())) {
      for (Path library : libraries.toList()) {
        if (!library.endsWith(CudaLibraries.NVJPEG)) {
          Files.copy(library, folder.resolve(library.getFileName()));
        }
      }
    }
    try (Backend backend = open(folder)) {
      assertThatThrownBy(() -> backend.jpegDevice("nvjpeg"))
          .isInstanceOf(UserError.class)
          .hasMessageContainingAll(
              "nvJPEG (libnvjpeg.so.13, of CUDA 13)",
              "was not found; searched: " + folder,
              "pip install 'nvidia-nvjpeg",
              "--cuda-libs");
      Files.writeString(folder.resolve(CudaLibraries.NVJPEG), "no library");
      assertThatThrownBy(() -> backend.jpegDevice("nvjpeg"))
          .isInstanceOf(UserError.class)
          .hasMessageContainingAll("nvJPEG does not load", CudaLibraries.NVJPEG);
    }
    SimulatedGpu.ask(JPEG_ENGINES, 0);
    try (Backend backend = TestBackends.open("gpu")) {
      assertThatThrownBy(() -> backend.jpegDevice("nvjpeg"))
          .isInstanceOf(UserError.class)
          .hasMessageContainingAll("GPU 0 has no JPEG engines", "--jpeg-decoder nvjpeg-hybrid");
      assertThat(backend.jpegDevice("nvjpeg-hybrid").name()).isEqualTo("nvjpeg-hybrid 13.1.0");
    } finally {
      SimulatedGpu.ask(JPEG_ENGINES, 1);
    }
  }

  private static Backend open(Path libraries) {
    return Backends.open(
        BackendKind.GPU, new BackendSettings(CpuOptions.defaults(), TestBackends.gpu(libraries)));
  }
}
