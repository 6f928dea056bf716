package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Class folders, their order and their errors. */
class ImageFolderTest {
  @TempDir Path root;

  private Path touch(String name) throws IOException {
    Path file = root.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, name);
  }

  @Test
  void classesAndFilesAreSorted() throws IOException {
    for (String name :
        List.of(
            "real/b.jpg",
            "real/a.PNG",
            "real/10.jpg",
            "real/deep/er/c.webp",
            "Fake/x.bmp",
            "Fake/notes.txt",
            "Fake/.hidden.jpg",
            "Fake/.cache/y.jpg",
            ".git/z.jpg",
            "top.jpg")) {
      touch(name);
    }
    Dataset data = ImageFolder.scan(root);
    assertThat(data.classes()).containsExactly("Fake", "real");
    assertThat(data.samples().stream().map(Sample::id))
        .containsExactly(
            "Fake/x.bmp", "real/10.jpg", "real/a.PNG", "real/b.jpg", "real/deep/er/c.webp");
    assertThat(data.samples().stream().map(Sample::label)).containsExactly(0, 1, 1, 1, 1);
    assertThat(data.ignored()).isEqualTo(1);
    assertThat(data.count(1)).isEqualTo(4);
  }

  @Test
  void orderIsPythons() {
    // sorted(["\U0001F600", "\uFB01", "a", "B", "a1"]) in Python
    List<String> names =
        new java.util.ArrayList<>(List.of("\uD83D\uDE00", "\uFB01", "a1", "a", "B"));
    names.sort(ImageFolder::pythonOrder);
    assertThat(names).containsExactly("B", "a", "a1", "\uFB01", "\uD83D\uDE00");
  }

  @Test
  void linksAreFollowedOnce() throws IOException {
    touch("fake/a.jpg");
    touch("real/sub/b.jpg");
    Path elsewhere = touch("../elsewhere-" + root.getFileName() + "/c.jpg");
    Files.createSymbolicLink(root.resolve("real/linked"), elsewhere.getParent());
    Files.createSymbolicLink(root.resolve("real/sub/up"), root.resolve("real"));
    Files.createSymbolicLink(root.resolve("real/gone.jpg"), root.resolve("nowhere.jpg"));
    assertThat(ImageFolder.scan(root).samples().stream().map(Sample::id))
        .containsExactly("fake/a.jpg", "real/gone.jpg", "real/linked/c.jpg", "real/sub/b.jpg");
    Files.delete(elsewhere);
    Files.delete(elsewhere.getParent());
  }

  @Test
  void eachErrorHasItsMessage() throws IOException {
    refused(root.resolve("none"), "does not exist");
    refused(touch("file"), "is a file; expected a folder");
    Files.delete(root.resolve("file"));
    refused(root, "found an empty folder");
    touch("a.jpg");
    refused(root, "found 1 file and no folder");
    touch("real/a.jpg");
    refused(root, "expected at least two class folders, found only 'real'");
    Files.createDirectory(root.resolve("fake"));
    refused(root, "of class 'fake', found none");
    touch("fake/readme.txt");
    refused(root, "of class 'fake', found none among 1 file");
    touch("fake/a.jpg");
    assertThat(ImageFolder.scan(root).samples()).hasSize(2);
  }

  private static void refused(Path path, String reason) {
    assertThatThrownBy(() -> ImageFolder.scan(path))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(path.toString())
        .hasMessageContaining(reason);
  }

  @Test
  void unreadableFolder() throws IOException {
    touch("real/a.jpg");
    touch("fake/a.jpg");
    Path closed = touch("fake/closed/b.jpg").getParent();
    Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("---------"));
    try {
      Assumptions.assumeFalse(
          Files.isReadable(closed), "this user reads every folder (root), so none is unreadable");
      refused(root, "permission denied");
    } finally {
      Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("rwx------"));
    }
  }

  @Test
  void homeIsExpanded() {
    String home = System.getProperty("user.home");
    assertThat(ImageFolder.expand("~/faces")).isEqualTo(Path.of(home, "faces"));
    assertThat(ImageFolder.expand("~")).isEqualTo(Path.of(home));
    assertThat(ImageFolder.expand("a/~b")).isEqualTo(Path.of("a/~b"));
  }

  @Test
  void imagesOfACommandLine() throws IOException {
    Path a = touch("in/b/a.jpg");
    Path c = touch("in/c.png");
    touch("in/d.txt");
    Path single = root.resolve("single.dat");
    assertThat(ImageFolder.images(List.of(single, root.resolve("in"))))
        .containsExactly(single, a, c);
    Path empty = Files.createDirectory(root.resolve("empty"));
    assertThatThrownBy(() -> ImageFolder.images(List.of(empty)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("found no image");
  }

  @Test
  void whatIsLeftOutIsNamed() throws IOException {
    touch("real/a.jpg");
    touch("README.md");
    assertThat(ImageFolder.leftOut(root).note()).isEmpty();
    touch("real/b.txt");
    assertThat(ImageFolder.leftOut(root).note())
        .hasValue("1 file is left out: 1 no image by its name (real/b.txt)");
    touch("stray.jpg");
    touch("real/c.heic");
    touch("real/.d.jpg");
    touch("real/.hidden/e.jpg");
    touch("real/.hidden/f.jpg");
    Files.createSymbolicLink(root.resolve("real/null.jpg"), Path.of("/dev/null"));
    assertThat(ImageFolder.leftOut(root).note())
        .hasValue(
            "6 files are left out: 2 no images by their names, 2 hidden, 1 no ordinary file, 1 image"
                + " outside the class folders (real/.d.jpg, real/.hidden, real/b.txt, real/c.heic,"
                + " ...)");
    LeftOut below = ImageFolder.leftOutBelow(root);
    assertThat(below.otherNames()).as("README.md, too").isEqualTo(3);
    assertThat(below.outside()).isZero();
    Files.delete(root.resolve("real/null.jpg"));
  }

  @Test
  void hashSeesNamesSizesAndLabels() throws IOException {
    touch("fake/a.jpg");
    touch("real/b.jpg");
    String before = ImageFolder.scan(root).hash();
    assertThat(ImageFolder.scan(root).hash()).isEqualTo(before).hasSize(64);
    Files.writeString(root.resolve("fake/a.jpg"), "another size");
    String resized = ImageFolder.scan(root).hash();
    assertThat(resized).isNotEqualTo(before);
    touch("real/c.jpg");
    assertThat(ImageFolder.scan(root).hash()).isNotEqualTo(resized);
    Dataset data = ImageFolder.scan(root);
    Files.delete(root.resolve("real/c.jpg"));
    assertThatThrownBy(data::hash).isInstanceOf(UserError.class).hasMessageContaining("c.jpg");
  }

  @Test
  void onlyFakesAreRecognised() {
    for (List<String> fakes :
        List.of(
            List.of("TPDNE", "100K_Faces"),
            List.of("stylegan2", "progan"),
            List.of("StyleGAN2-ada", "faces_gan", "cycle-gan"),
            List.of("fake_a", "fake_b"),
            List.of("sd15", "flux", "midjourney"))) {
      assertThat(new Dataset(fakes, List.of(), 0).onlyFakes())
          .as(fakes.toString())
          .hasValueSatisfying(
              w ->
                  assertThat(w).contains("tells these sources apart", "VGGFace2", "CASIA-WebFace"));
    }
    for (List<String> fine :
        List.of(
            List.of("fake", "real"),
            List.of("ai", "human"),
            List.of("fake", "not_fake"),
            List.of("elegant", "organic"),
            List.of("megan", "morgan"),
            List.of("cats", "dogs"))) {
      assertThat(new Dataset(fine, List.of(), 0).onlyFakes()).as(fine.toString()).isEmpty();
    }
    Sample known = new Sample(Path.of("/data/iFakeFaceDB/a/1.jpg"), "a/1.jpg", 0);
    assertThat(new Dataset(List.of("a", "b"), List.of(known), 0).onlyFakes()).isPresent();
    Sample other = new Sample(Path.of("/data/vggface2/b/1.jpg"), "b/1.jpg", 1);
    assertThat(new Dataset(List.of("a", "b"), List.of(known, other), 0).onlyFakes()).isEmpty();
  }
}
