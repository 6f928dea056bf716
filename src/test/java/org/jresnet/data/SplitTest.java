package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jresnet.base.UserError;
import org.jresnet.data.Split.Fractions;
import org.jresnet.data.Split.Part;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who goes where, and that nobody is on two sides. */
class SplitTest {
  @TempDir Path root;

  /** Images that are only names. */
  private static Dataset data(int... perClass) {
    List<String> classes = new ArrayList<>();
    List<Sample> samples = new ArrayList<>();
    for (int label = 0; label < perClass.length; label++) {
      classes.add("class" + label);
      for (int i = 0; i < perClass[label]; i++) {
        String id = String.format("class%d/person%03d_%d.jpg", label, i / 5, i % 5);
        samples.add(new Sample(Path.of("/data", id), id, label));
      }
    }
    return new Dataset(classes, samples, 0);
  }

  private static Map<String, Part> places(Split split) {
    Map<String, Part> places = new HashMap<>();
    split
        .parts()
        .forEach(
            (part, samples) ->
                samples.forEach(s -> assertThat(places.put(s.id(), part)).as(s.id()).isNull()));
    return places;
  }

  private static long count(Split split, Part part, int label) {
    return split.part(part).stream().filter(s -> s.label() == label).count();
  }

  @Test
  void everyClassIsSplitInTheSameShares() {
    Split split = Split.stratified(data(200, 1000, 20), Fractions.DEFAULT, 42, "");
    assertThat(places(split)).hasSize(1220);
    int[] sizes = {200, 1000, 20};
    for (int label = 0; label < 3; label++) {
      assertThat((double) count(split, Part.TRAIN, label))
          .isBetween(sizes[label] * 0.7 - 1, sizes[label] * 0.7 + 1);
      assertThat((double) count(split, Part.VAL, label))
          .isBetween(sizes[label] * 0.15 - 1, sizes[label] * 0.15 + 1);
      assertThat((double) count(split, Part.TEST, label))
          .isBetween(sizes[label] * 0.15 - 1, sizes[label] * 0.15 + 1);
    }
  }

  @Test
  void theSeedDecides() {
    Split split = Split.stratified(data(100, 100), Fractions.DEFAULT, 42, "");
    assertThat(Split.stratified(data(100, 100), Fractions.DEFAULT, 42, "").hash())
        .isEqualTo(split.hash());
    assertThat(Split.stratified(data(100, 100), Fractions.DEFAULT, 43, "").hash())
        .isNotEqualTo(split.hash());
    assertThat(split.part(Part.TEST).stream().map(Sample::id))
        .as("not simply the last ones")
        .isNotEqualTo(
            data(100, 100).samples().stream().map(Sample::id).filter(i -> i.contains("person01")));
  }

  @Test
  void seedRecipeHasNoTestPart() {
    Split split = Split.stratified(data(50, 50), Fractions.SEED_RECIPE, 42, "");
    assertThat(split.part(Part.TRAIN)).hasSize(80);
    assertThat(split.part(Part.VAL)).hasSize(20);
    assertThat(split.part(Part.TEST)).isEmpty();
  }

  @Test
  void groupsNeverLeak() {
    for (long seed = 0; seed < 20; seed++) {
      // The same persons occur in both classes.
      Split split = Split.stratified(data(200, 150), Fractions.DEFAULT, seed, "person(\\d+)");
      Map<String, Set<Part>> sides = new HashMap<>();
      places(split)
          .forEach(
              (id, part) ->
                  sides
                      .computeIfAbsent(
                          id.replaceAll(".*(person\\d+).*", "$1"), k -> new HashSet<>())
                      .add(part));
      assertThat(sides).hasSize(40);
      assertThat(sides.values()).allSatisfy(s -> assertThat(s).hasSize(1));
      assertThat(count(split, Part.TRAIN, 0)).isBetween(130L, 150L);
      assertThat(count(split, Part.TRAIN, 1)).isBetween(90L, 120L);
    }
  }

  @Test
  void groupsByFolder() {
    List<Sample> samples = new ArrayList<>();
    for (int i = 0; i < 120; i++) {
      String id = (i % 2 == 0 ? "fake" : "real") + "/video" + i / 10 + "/" + i + ".jpg";
      samples.add(new Sample(Path.of(id), id, i % 2));
    }
    Split split =
        Split.stratified(
            new Dataset(List.of("fake", "real"), samples, 0),
            Fractions.DEFAULT,
            1,
            "^((?:[^/]+/){2})");
    Map<String, Set<Part>> sides = new HashMap<>();
    places(split)
        .forEach(
            (id, part) ->
                sides
                    .computeIfAbsent(id.substring(0, id.lastIndexOf('/')), k -> new HashSet<>())
                    .add(part));
    assertThat(sides).hasSize(24);
    assertThat(sides.values()).allSatisfy(s -> assertThat(s).hasSize(1));
  }

  @Test
  void tooFewImagesOrGroups() {
    assertThatThrownBy(() -> Split.stratified(data(50, 2), Fractions.DEFAULT, 1, ""))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("class 'class1' has 2 images")
        .hasMessageContaining("3 parts [train, val, test]");
    assertThatThrownBy(() -> Split.stratified(data(50, 10), Fractions.DEFAULT, 1, "person\\d+"))
        .hasMessageContaining("class 'class1' has 2 groups (10 images)");
    Split smallest = Split.stratified(data(3, 3), Fractions.DEFAULT, 1, "");
    for (Part part : Part.values()) {
      assertThat(smallest.part(part)).hasSize(2);
    }
    assertThatThrownBy(() -> Split.stratified(data(9, 9), Fractions.DEFAULT, 1, "pers[on"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("no regular expression");
    assertThatThrownBy(() -> Split.stratified(data(9, 9), Fractions.DEFAULT, 1, "nobody"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("does not match 'class0/person000_0.jpg'");
    assertThatThrownBy(() -> new Fractions(0.7, 0.15, 0.1))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("add up to 1");
  }

  private void touch(String name) throws IOException {
    Path file = root.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, name);
  }

  @Test
  void foldersMayFixTheSplit() throws IOException {
    for (String part : List.of("train", "val", "test")) {
      touch(part + "/fake/" + part + "1.jpg");
      touch(part + "/real/" + part + "2.jpg");
    }
    Split split = Split.of(root, Fractions.DEFAULT, 1, "");
    assertThat(split.classes()).containsExactly("fake", "real");
    assertThat(split.part(Part.VAL).stream().map(Sample::id))
        .containsExactly("val/fake/val1.jpg", "val/real/val2.jpg");
    assertThat(Split.of(root, Fractions.DEFAULT, 1, "(?:fake|real)/[a-z]+")).isNotNull();
    touch("val/fake/train1.jpg");
    assertThatThrownBy(() -> Split.of(root, Fractions.DEFAULT, 1, "[a-z]+\\d"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("'train1' lies in the part train")
        .hasMessageContaining("in the part val");
    touch("test/other/x.jpg");
    assertThatThrownBy(() -> Split.of(root, Fractions.DEFAULT, 1, ""))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("expected the class folders of train, [fake, real]");
  }

  @Test
  void trainAndTestAreNoClasses() throws IOException {
    touch("train/fake/a.jpg");
    touch("train/real/a.jpg");
    touch("test/fake/a.jpg");
    assertThatThrownBy(() -> Split.of(root, Fractions.DEFAULT, 1, ""))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(
            "expected the parts train, val and perhaps test, found [test, train]");
  }

  @Test
  void csvGoesThereAndBack() throws IOException {
    List<Sample> samples = new ArrayList<>();
    for (String name : List.of("a", "b, c", "d \"e\"", "f")) {
      for (int label = 0; label < 2; label++) {
        String id = "k" + label + ",x/" + name + ".jpg";
        samples.add(new Sample(root.resolve(id), id, label));
      }
    }
    Dataset data = new Dataset(List.of("k0,x", "k1,x"), samples, 0);
    Split split = Split.stratified(data, Fractions.DEFAULT, 3, "");
    Path csv = Files.write(root.resolve("split.csv"), split.csv());
    Split read = Split.readCsv(csv, root);
    assertThat(read).isEqualTo(split);
    assertThat(read.hash()).isEqualTo(split.hash());
  }

  @Test
  void csvErrors() throws IOException {
    csvRefused("", "found an empty file");
    csvRefused("a.jpg,fake,train\n", "expected the first line file,class,split");
    String head = "file,class,split\r\n";
    csvRefused(head + "a.jpg,fake\n", "record 2: expected file,class,split, found [a.jpg, fake]");
    csvRefused(head + "a.jpg,fake,train\n", "at least two classes, found [fake]");
    String two = head + "a.jpg,fake,train\nb.jpg,real,train\n";
    csvRefused(two, "no line belongs to the part val");
    csvRefused(two + "c.jpg,real,validate\n", "expected train, val or test, found 'validate'");
    csvRefused(two + "a.jpg,fake,val\n", "the file 'a.jpg' stands there twice");
    csvRefused(two + "\"c.jpg,real,val\n", "a quote is opened and never closed");
    Path csv = Files.writeString(root.resolve("ok.csv"), two + "\nc.jpg,real,val");
    Split split = Split.readCsv(csv, root);
    assertThat(split.part(Part.VAL)).containsExactly(new Sample(root.resolve("c.jpg"), "c.jpg", 1));
    assertThatThrownBy(() -> Split.readCsv(root.resolve("none.csv"), root))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("none.csv does not exist");
  }

  private void csvRefused(String text, String reason) throws IOException {
    Path csv = Files.writeString(root.resolve("bad.csv"), text);
    assertThatThrownBy(() -> Split.readCsv(csv, root))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("bad.csv")
        .hasMessageContaining(reason);
  }
}
