package org.jresnet.data.shards;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.jresnet.base.Digests;
import org.jresnet.base.Stopped;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Dataset;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Resize;
import org.jresnet.data.RgbImage;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;
import org.jresnet.data.drawn.DrawnFaces;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Shards hold what the folder holds, whatever happens while they are written or read. */
final class PackerTest {
  private static final Packer.Options FILES = options(Optional.empty());

  @TempDir Path folder;
  private Path data;
  private Path shards;

  @BeforeEach
  void draw() {
    data = folder.resolve("data");
    shards = folder.resolve("shards");
    DrawnFaces.write(data, new DrawnFaces.Options(12, 32, 3), done -> {});
  }

  private static Packer.Options options(Optional<Preprocess> pixels) {
    return new Packer.Options(pixels, 7, 5, 2);
  }

  private static final class Silent implements Packer.Listener {
    final AtomicInteger done = new AtomicInteger();

    @Override
    public void planned(int images, int shards) {}

    @Override
    public void packed(int images) {
      done.set(images);
    }
  }

  private Packer.Result pack(Path to, Packer.Options options) {
    return new Packer(data, to, options).run(new Silent(), () -> false);
  }

  @Test
  void shardsAreReadAsTheFolder() throws IOException {
    List<String> odd =
        List.of("camera/a.b.jpg", "camera/a.png", "camera/=1,\"é😀\".jpg", "camera/deep/x/1.jpg");
    for (String name : odd) {
      Path file = data.resolve(name);
      Files.createDirectories(file.getParent());
      Files.copy(data.resolve("camera/00000.jpg"), file);
    }
    String far = "generated/" + "long".repeat(40) + ".jpg";
    Files.copy(data.resolve("generated/00000.jpg"), data.resolve(far));
    Files.writeString(data.resolve("camera/notes.txt"), "no image");
    Packer.Result result = pack(shards, FILES);
    assertThat(result.images()).isEqualTo(29);
    assertThat(result.shards()).isEqualTo(5);
    Dataset from = ImageFolder.scan(data);
    Dataset packed = ImageFolder.scan(shards);
    assertThat(packed.classes()).isEqualTo(from.classes());
    assertThat(packed.samples().stream().map(Sample::id).toList())
        .isEqualTo(from.samples().stream().map(Sample::id).toList())
        .contains(far)
        .containsAll(odd);
    assertThat(packed.hash()).isEqualTo(from.hash());
    for (int i = 0; i < from.samples().size(); i++) {
      Path file = from.samples().get(i).file();
      Path inside = packed.samples().get(i).file();
      assertThat(Files.readAllBytes(inside)).isEqualTo(Files.readAllBytes(file));
      assertThat(ImageDecoder.decode(inside).rgb()).isEqualTo(ImageDecoder.decode(file).rgb());
      assertThat(Digests.ofFile(inside, "the image", () -> false))
          .isEqualTo(Digests.ofFile(file, "the image", () -> false));
      assertThat(inside.toString()).isEqualTo(shards.resolve(from.samples().get(i).id()) + "");
      // A name that was written down leads back.
      assertThat(Shards.enter(Path.of(inside.toString()))).isEqualTo(inside);
    }
    String group = "(.)\\.[^.]*$";
    assertThat(Split.of(shards, Split.Fractions.DEFAULT, 4, group).hash())
        .isEqualTo(Split.of(data, Split.Fractions.DEFAULT, 4, group).hash());
    assertThat(ImageFolder.images(List.of(shards))).hasSize(29);
    assertThat(ImageFolder.images(List.of(shards.resolve("camera")))).hasSize(16);
    assertThat(ImageFolder.leftOut(shards).note()).isEmpty();
  }

  @Test
  void theLayoutIsThatOfWebDataset() throws IOException {
    pack(shards, FILES);
    Map<String, Path> byHash = new TreeMap<>();
    for (Sample s : ImageFolder.scan(data).samples()) {
      byHash.put(Digests.ofFile(s.file(), "the image", () -> false), s.file());
    }
    List<String> keys = new ArrayList<>();
    List<Path> tars;
    try (Stream<Path> files = Files.list(shards)) {
      tars = files.filter(f -> f.toString().endsWith(".tar")).sorted().toList();
    }
    assertThat(tars).hasSize(4);
    for (Path tar : tars) {
      try (InputStream file = Files.newInputStream(tar);
          TarArchiveInputStream in = new TarArchiveInputStream(file)) {
        for (TarArchiveEntry e = in.getNextEntry(); e != null; e = in.getNextEntry()) {
          String key = e.getName().substring(0, 9);
          byte[] image = in.readAllBytes();
          var digest = Digests.sha256();
          digest.update(image);
          Path source = byHash.remove(Digests.hex(digest));
          String name = data.relativize(source).toString();
          boolean camera = name.startsWith("camera");
          assertThat(e.getName()).isEqualTo(key + ".jpg");
          assertThat(in.getNextEntry().getName()).isEqualTo(key + ".cls");
          assertThat(text(in)).isEqualTo(camera ? "0" : "1");
          assertThat(in.getNextEntry().getName()).isEqualTo(key + ".json");
          assertThat(text(in))
              .isEqualTo(
                  "{\"file\":\"%s\",\"class\":\"%s\",\"label\":%d}"
                      .formatted(name, camera ? "camera" : "generated", camera ? 0 : 1));
          keys.add(key);
        }
      }
    }
    assertThat(byHash).isEmpty();
    assertThat(keys).hasSize(24).doesNotHaveDuplicates().isSorted();
    // Both classes in each shard: shuffled before they are packed.
    assertThat(Files.readString(shards.resolve("images-000000.csv")))
        .contains("camera/")
        .contains("generated/");
  }

  private static String text(InputStream in) throws IOException {
    return new String(in.readAllBytes(), StandardCharsets.UTF_8);
  }

  @Test
  void partsStayApart() throws IOException {
    for (Part part : List.of(Part.TRAIN, Part.VAL)) {
      Path own = folder.resolve("own").resolve(part.id());
      DrawnFaces.write(own, new DrawnFaces.Options(4, 32, part.ordinal()), done -> {});
    }
    data = folder.resolve("own");
    pack(shards, FILES);
    Split from = Split.of(data, Split.Fractions.DEFAULT, 1, "");
    Split packed = Split.of(shards, Split.Fractions.DEFAULT, 1, "");
    assertThat(packed.hash()).isEqualTo(from.hash());
    assertThat(packed.part(Part.VAL)).hasSize(8);
    assertThat(Files.readString(shards.resolve("train-000001.csv")))
        .contains("train/camera/")
        .doesNotContain("val/");
    assertThat(Files.readString(shards.resolve("val-000000.csv"))).doesNotContain("train/");
  }

  @ParameterizedTest
  @EnumSource
  void pixelsBecomeTheSameInput(Preprocess.Mode mode) throws IOException {
    RgbImage face = ImageDecoder.decode(data.resolve("camera/00000.jpg"));
    int[][] sizes = {{40, 40}, {50, 31}, {17, 64}, {9, 9}, {12, 300}, {20, 12}};
    for (int[] size : sizes) {
      RgbImage image = Resize.bilinear(face, size[0], size[1]);
      Files.write(
          data.resolve("camera/size%dx%d.ppm".formatted(size[0], size[1])), PixelForm.ppm(image));
    }
    Preprocess preprocess = new Preprocess(14, mode);
    Packer.Result result = pack(shards, options(Optional.of(preprocess)));
    assertThat(result.bad()).isEmpty();
    List<Sample> from = ImageFolder.scan(data).samples();
    List<Sample> packed = ImageFolder.scan(shards).samples();
    assertThat(packed).hasSize(30);
    int smaller = 0;
    for (int i = 0; i < from.size(); i++) {
      assertThat(packed.get(i).id()).isEqualTo(from.get(i).id());
      assertThat(preprocess.read(packed.get(i).file()).rgb())
          .as(from.get(i).id())
          .isEqualTo(preprocess.read(from.get(i).file()).rgb());
      smaller +=
          ImageDecoder.decode(packed.get(i).file()).rgb().length
                  < ImageDecoder.decode(from.get(i).file()).rgb().length
              ? 1
              : 0;
    }
    assertThat(smaller).isGreaterThan(20);
    assertThat(PixelForm.notes(files(packed), preprocess, Augmentation.NONE.withFlip(0.5)))
        .isEmpty();
    assertThat(PixelForm.notes(files(packed), preprocess.withSize(15), Augmentation.NONE))
        .hasSize(1);
    assertThat(PixelForm.notes(files(packed), preprocess, Augmentation.NONE.withCropScale(0.5)))
        .hasSize(1);
    assertThat(PixelForm.notes(files(from), preprocess.withSize(15), Augmentation.NONE)).isEmpty();
    var upright = new ImageDecoder.Options(ImageDecoder.Orientation.APPLY, 1000);
    assertThatThrownBy(
            () ->
                PixelForm.notes(
                    files(packed), new Preprocess(14, mode, upright), Augmentation.NONE))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("packed without --exif-rotate, and images are wanted with it");
  }

  @Test
  void whatCannotBeDecodedIsPackedAsItIs() throws IOException {
    byte[] half = Files.readAllBytes(data.resolve("camera/00003.jpg"));
    Files.write(data.resolve("camera/00003.jpg"), java.util.Arrays.copyOf(half, 400));
    var stretch = new Preprocess(8, Preprocess.Mode.STRETCH);
    Packer.Result result = pack(shards, options(Optional.of(stretch)));
    assertThat(result.bad()).containsOnlyKeys("camera/00003.jpg");
    assertThat(Files.readAllBytes(Shards.enter(shards.resolve("camera/00003.jpg")))).hasSize(400);
    assertThatThrownBy(() -> stretch.read(Shards.enter(shards.resolve("camera/00003.jpg"))))
        .isInstanceOf(org.jresnet.data.BadImageException.class);
  }

  @Test
  void aStoppedRunGoesOnToTheSameBytes() throws IOException {
    Silent listener = new Silent();
    assertThatThrownBy(
            () -> new Packer(data, shards, FILES).run(listener, () -> listener.done.get() >= 10))
        .isInstanceOf(Stopped.class);
    assertThat(shards.resolve("images-000000.tar")).exists();
    assertThat(shards.resolve("images-000001.tar")).doesNotExist();
    assertThatThrownBy(() -> ImageFolder.scan(shards))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("not packed completely; run the jresnet pack that made it again");
    Files.writeString(shards.resolve(".images-000001.tar.0123456789abcdef.tmp"), "killed");
    assertThat(pack(shards, FILES).found()).isEqualTo(1);
    assertThat(pack(folder.resolve("once"), FILES).found()).isZero();
    assertThat(files(shards)).isEqualTo(files(folder.resolve("once"))).hasSize(9);
    assertThat(pack(shards, new Packer.Options(Optional.empty(), 7, 5, 1)).found()).isEqualTo(4);
    assertThat(files(shards)).isEqualTo(files(folder.resolve("once")));
  }

  private static Map<String, String> files(Path shards) throws IOException {
    Map<String, String> hashes = new TreeMap<>();
    try (Stream<Path> files = Files.list(shards)) {
      files.forEach(
          f -> hashes.put(f.getFileName().toString(), Digests.ofFile(f, "it", () -> false)));
    }
    return hashes;
  }

  @Test
  void otherImagesOrOptionsAreRefused() throws IOException {
    pack(shards, FILES);
    assertThatThrownBy(() -> pack(shards, new Packer.Options(Optional.empty(), 6, 5, 2)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("holds shards of other images or options (perShard was 7, is 6)");
    Files.delete(data.resolve("camera/00001.jpg"));
    assertThatThrownBy(() -> pack(shards, FILES)).hasMessageContaining("dataset was");
    assertThatThrownBy(() -> pack(data, FILES))
        .hasMessageContaining("is not empty and holds no shards; name a new folder");
  }

  @Test
  void damageIsFoundNamedAndRepaired() throws IOException {
    pack(shards, FILES);
    Map<String, String> good = files(shards);
    Path tar = shards.resolve("images-000002.tar");
    List<String> row = org.jresnet.base.Csv.read(shards.resolve("images-000002.csv")).get(2);
    long offset = Long.parseLong(row.get(1));
    flip(tar, offset + 100);
    Path image = Shards.enter(shards.resolve(row.get(0)));
    assertThatThrownBy(() -> ImageDecoder.decode(image))
        .isInstanceOf(org.jresnet.data.BadImageException.class)
        .hasMessageContaining("damaged in the shard " + tar + " at byte " + offset)
        .hasMessageContaining("expected " + row.get(3))
        .hasMessageContaining("copy the shards again");
    assertThatThrownBy(() -> Digests.ofFile(image, "the image", () -> false))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("at byte " + offset);
    assertThat(pack(shards, FILES).found()).isEqualTo(3);
    assertThat(files(shards)).isEqualTo(good);
    ImageDecoder.decode(Shards.enter(shards.resolve(row.get(0))));

    truncate(tar);
    refused(tar + " has ").hasMessageContaining("truncated");
    Files.delete(tar);
    refused("the shard " + tar + " is missing");
    pack(shards, FILES);
    flip(shards.resolve("images-000001.csv"), 60);
    refused("images-000001.csv is damaged or of another packing");
    pack(shards, FILES);
    assertThat(files(shards)).isEqualTo(good);

    Path list = shards.resolve("shards.json");
    String text = Files.readString(list);
    Files.writeString(list, text.replace("\"version\" : 1", "\"version\" : 2"));
    refused("has version 2 of the format, and this jresnet reads version 1");
    Files.writeString(list, text.replace("jresnet shards", "something"));
    refused("format is something");
    Files.writeString(list, text.replace("images-000000", "../images-000000"));
    refused("no shard: name '../images-000000'");
  }

  private org.assertj.core.api.AbstractThrowableAssert<?, ?> refused(String message) {
    return assertThatThrownBy(() -> ImageFolder.scan(shards))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(message);
  }

  private static void flip(Path file, long at) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer one = ByteBuffer.allocate(1);
      channel.read(one, at);
      one.put(0, (byte) (one.get(0) ^ 1)).rewind();
      channel.write(one, at);
    }
  }

  private static void truncate(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(channel.size() - 1024);
    }
  }

  private static List<Path> files(List<Sample> samples) {
    return samples.stream().map(Sample::file).toList();
  }
}
