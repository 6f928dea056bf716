package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import com.fasterxml.jackson.databind.JsonNode;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.jresnet.cli.Cli.Result;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.train.ModelFiles;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.Test;

/** What {@code train} writes, says, warns of and refuses. */
final class TrainCommandTest extends SmallRun {
  @Test
  void trainingWritesEverythingThatIsNeededToRepeatIt() throws IOException {
    assertThat(run)
        .isDirectoryContaining("glob:**best.safetensors")
        .isDirectoryContaining("glob:**last.ckpt");
    assertThat(run.resolve("metrics.csv"))
        .content()
        .contains("epoch,learning_rate,train_loss")
        .hasLineCount(3);
    assertThat(run.resolve("split.csv")).content().contains("file,class,split").hasLineCount(41);
    assertThat(Files.size(run.resolve("curves.png"))).isGreaterThan(1000);
    JsonNode record = JSON.readTree(run.resolve("run.json").toFile());
    assertThat(record.at("/options/seed").asLong()).isEqualTo(42);
    assertThat(record.at("/options/network/precision").asText()).isEqualTo("fp32");
    assertThat(record.at("/backend").asText()).startsWith("oneDNN 3.");
    assertThat(record.at("/splitHash").asText()).hasSize(64);
    assertThat(record.at("/options/positive").asText()).isEqualTo("generated");
    assertThat(record.at("/dataUse/leftOutPerEpoch").asInt()).isEqualTo(4);
    assertThat(record.at("/dataUse/testLooks")).isEmpty();
  }

  @Test
  void aSecondRunIntoTheFolderIsRefused() throws IOException {
    byte[] before = Files.readAllBytes(run.resolve("best.safetensors"));
    Result result = train(faces, "--out", run);
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).contains("not empty").contains("--resume").contains("--overwrite");
    assertThat(Files.readAllBytes(run.resolve("best.safetensors"))).isEqualTo(before);
  }

  @Test
  void whatContradictsTheRunIsRefusedByName() {
    Result result =
        jresnet(
            "train",
            "--resume",
            "--out",
            run,
            "--lr",
            "0.5",
            "--batch",
            8,
            "--seed",
            7,
            "--jpeg=0.5");
    assertThat(result.code()).isEqualTo(2);
    assertThat(result.err())
        .contains("--lr is 0.5, the run has 0.001")
        .contains("--seed is 7, the run has 42")
        .contains("--jpeg is 0.5, the run has 0.0")
        .doesNotContain("--batch");
    refused(2, "train --resume --out {}/run --preset seed", "--preset only starts runs");
    refused(2, "train --resume --out {}/run --backend reference", "--backend is reference");
    refused(2, "train --resume --out {}/run --drop-last=false", "--drop-last is false");
  }

  /** What a preset sets is said and stored; what was given is kept. */
  @Test
  void aPresetSaysWhatItSets() throws IOException {
    Path out = folder.resolve("preset");
    Result result =
        train(faces, "--out", out, "--preset", "ganprintr", "--epochs", 1, "--backend", "cpu");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.err())
        .contains("preset ganprintr sets --flip 0 --pixels unit --optimizer adam --lr 1.0E-4")
        .contains("--split 0.5,0.2,0.3", "kept as you say: --size --batch --epochs")
        .contains("without --group");
    JsonNode options = JSON.readTree(Files.readString(out.resolve("run.json"))).get("options");
    assertThat(options.get("input").get("pixels").asText()).isEqualTo("unit");
    assertThat(options.get("optimizer").get("learningRate").asDouble()).isEqualTo(1e-4);
    assertThat(options.get("split").get("test").asDouble()).isEqualTo(0.3);
    assertThat(options.get("epochs").asInt()).isEqualTo(1);
    assertThat(ModelFiles.open(out, Optional.empty()).info().std()).containsExactly(1f, 1f, 1f);
  }

  @Test
  void fineTuningReplacesTheClassifierAndSaysSo() throws IOException {
    Path three = folder.resolve("three");
    for (String kind : List.of("a", "b", "c")) {
      Files.createDirectories(three.resolve(kind));
      for (int i = 0; i < 6; i++) {
        Files.copy(
            faces.resolve("camera/0000" + i + ".jpg"), three.resolve(kind + "/" + i + ".jpg"));
      }
    }
    Result result =
        train(
            three,
            "--out",
            folder.resolve("tuned"),
            "--epochs",
            1,
            "--weights",
            run.resolve("best.safetensors"),
            "--freeze",
            "conv1.*,bn1.*,layer1.*");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.err())
        .contains("classifier (fc) starts anew")
        .contains("2 classes")
        .contains("3");
    var before = WeightFiles.read(run.resolve("best.safetensors")).tensors();
    var after = WeightFiles.read(folder.resolve("tuned/best.safetensors")).tensors();
    for (String frozen :
        List.of(
            "conv1.weight",
            "bn1.running_mean",
            "layer1.1.bn2.bias",
            "layer1.0.bn1.num_batches_tracked")) {
      assertThat(after.get(frozen).data()).as(frozen).isEqualTo(before.get(frozen).data());
    }
    assertThat(after.get("layer2.0.conv1.weight").data())
        .isNotEqualTo(before.get("layer2.0.conv1.weight").data());
  }

  @Test
  void aClassOfOneImageIsTooFew() throws IOException {
    Path other = folder.resolve("other");
    for (String kind : List.of("cats", "dogs")) {
      Files.createDirectories(other.resolve(kind));
      Files.copy(faces.resolve("camera/00000.jpg"), other.resolve(kind + "/a.jpg"));
    }
    Result result = train(other, "--out", folder.resolve("few"));
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).contains("class 'cats' has 1 image").contains("too few");
  }

  /** One class of 24x32, one of 32x32: the case in which everything looks perfect and is not. */
  @Test
  void classesThatDifferInSizeAreWarnedOf() throws IOException {
    Path shortcut = folder.resolve("shortcut");
    for (String kind : List.of("real", "fake")) {
      Files.createDirectories(shortcut.resolve(kind));
      for (int i = 0; i < 16; i++) {
        ImageIO.write(
            new BufferedImage(kind.equals("real") ? 24 : 32, 32, BufferedImage.TYPE_INT_RGB),
            "png",
            shortcut.resolve(kind + "/" + i + ".png").toFile());
      }
    }
    Result result = train(shortcut, "--out", folder.resolve("short"), "--epochs", 1);
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.err())
        .contains("WARNING: the classes can be told apart without a look at the images")
        .contains("size alone: balanced accuracy 100.00 % (95 % interval 78.5 to 100 %)")
        .contains("real: 24x32")
        .contains("fake: 32x32")
        .contains("Bring both classes to one size, format and compression");
    assertThat(result.out())
        .contains("Class 0 'fake': 16 images (train 11, val 3, test 2)")
        .contains("Class 1 'real': 16 images")
        .contains("Positive class: 'fake'")
        .contains("Each epoch leaves out 6 of 22 training images");
  }

  /** Two sources of fakes: refused before the first step, unless that is what is wanted. */
  @Test
  void classesOfFakesAloneNeedAWord() throws IOException {
    Path fakes = folder.resolve("fakes");
    for (String kind : List.of("TPDNE", "stylegan2")) {
      Files.createDirectories(fakes.resolve(kind));
      for (int i = 0; i < 12; i++) {
        Files.copy(
            faces.resolve("generated/%05d.jpg".formatted(i)),
            fakes.resolve(kind + "/" + i + ".jpg"));
      }
    }
    Path out = folder.resolve("fakes-run");
    Result refused = train(fakes, "--out", out, "--epochs", 1);
    assertThat(refused.code()).isEqualTo(1);
    assertThat(refused.err())
        .contains("[TPDNE, stylegan2] look like sources of generated images")
        .contains("VGGFace2 and CASIA-WebFace")
        .contains("say --sources");
    assertThat(out.resolve("best.safetensors")).doesNotExist();
    Result meant = train(fakes, "--out", out, "--epochs", 1, "--sources");
    assertThat(meant.code()).as(meant.err()).isZero();
    assertThat(meant.err()).contains("tells sources of generated images apart");
    assertThat(JSON.readTree(out.resolve("run.json").toFile()).at("/options/sources").asBoolean())
        .isTrue();
  }

  @Test
  void drawnFacesAreNotWarnedOf() throws IOException {
    Result result = train(faces, "--out", folder.resolve("calm"), "--epochs", 1);
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.err()).doesNotContain("WARNING");
    assertThat(result.out())
        .contains("size 32x32; shorter side 32; aspect ratio 1.00; EXIF orientation 1")
        .contains("Each epoch leaves out 4 of 28 training images");
  }

  @Test
  void imagesLeftOutOfEveryPartAndCopiesAreRecorded() throws IOException {
    Path damaged = folder.resolve("damaged");
    DrawnFaces.write(damaged, new DrawnFaces.Options(12, 32, 5), done -> {});
    Path whole = folder.resolve("damaged-run");
    assertThat(train(damaged, "--out", whole, "--epochs", 1).code()).isZero();
    for (String part : List.of("train", "val", "test")) {
      String id = first(whole, part);
      Files.writeString(damaged.resolve(id), "no image of " + part);
    }
    Files.copy(
        damaged.resolve("generated/00000.jpg"),
        damaged.resolve("camera/00000.jpg"),
        StandardCopyOption.REPLACE_EXISTING);
    Result result = train(damaged, "--out", whole, "--epochs", 1, "--overwrite");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.err())
        .contains("WARNING: 1 image in more than one class, byte for byte")
        .contains("camera/00000.jpg = generated/00000.jpg");
    List<String> parts =
        JSON.readTree(whole.resolve("run.json").toFile())
            .at("/dataUse/leftOut")
            .findValuesAsText("part");
    assertThat(parts).contains("val").doesNotContain("test");
  }

  @Test
  void forensicAugmentationIsRecordedAndKept() throws IOException {
    Path out = folder.resolve("forensic");
    assertThat(train(faces, "--out", out, "--epochs=1", "--augment=forensic").code()).isZero();
    JsonNode degrading =
        JSON.readTree(out.resolve("run.json").toFile()).at("/options/input/augmentation/degrading");
    assertThat(degrading.get("probability").asDouble()).isEqualTo(0.5);
    assertThat(degrading.get("among")).hasSize(132);
    Result other = jresnet("train", "--resume", "--out", out, "--augment=none", "--epochs=2");
    assertThat(other.code()).isEqualTo(2);
    assertThat(other.err()).contains("--augment is none, the run has forensic");
  }
}
