package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.base.Csv;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.engine.Backends;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The command line as a user meets it, on a narrow network and a few drawn faces. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class MainTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String[] SMALL = {
    "--model", "resnet18", "--width", "8", "--size", "32", "--batch", "8", "--precision", "fp32"
  };

  private Path folder;
  private Path faces;
  private Path run;

  /** What a command printed and returned. */
  record Result(int code, String out, String err) {}

  static Result jresnet(Object... arguments) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream outBytes = new ByteArrayOutputStream();
    ByteArrayOutputStream errBytes = new ByteArrayOutputStream();
    System.setOut(new PrintStream(outBytes, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(errBytes, true, StandardCharsets.UTF_8));
    try {
      int code = Main.run(Stream.of(arguments).map(Object::toString).toArray(String[]::new));
      return new Result(
          code,
          outBytes.toString(StandardCharsets.UTF_8),
          errBytes.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  private static Object[] with(Object[] first, Object... more) {
    return Stream.concat(Stream.of(more), Stream.of(first)).toArray();
  }

  @BeforeAll
  void trainOnce(@TempDir Path shared) {
    folder = shared;
    faces = folder.resolve("faces");
    run = folder.resolve("run");
    DrawnFaces.write(faces, new DrawnFaces.Options(20, 32, 1), done -> {});
    Result result = jresnet(with(SMALL, "train", faces, "--out", run, "--epochs", 2, "--json"));
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out().lines()).hasSize(1);
  }

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
    Result result = jresnet(with(SMALL, "train", faces, "--out", run));
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).contains("not empty").contains("--resume").contains("--overwrite");
    assertThat(Files.readAllBytes(run.resolve("best.safetensors"))).isEqualTo(before);
  }

  @Test
  void evaluationReportsAllMetrics() throws IOException {
    Result result = jresnet("evaluate", run, faces, "--precision", "fp32", "--json");
    assertThat(result.code()).as(result.err()).isZero();
    JsonNode values = JSON.readTree(result.out());
    assertThat(values.get("images").asInt()).isEqualTo(40);
    assertThat(values.get("accuracy").asDouble()).isBetween(0.0, 1.0);
    assertThat(values.has("auc") && values.has("eer") && values.has("average_precision")).isTrue();
    double accuracy = values.get("accuracy").asDouble();
    assertThat(values.at("/accuracy_interval/0").asDouble()).isLessThan(accuracy + 1e-9);
    assertThat(values.at("/auc_interval/1").asDouble())
        .isGreaterThanOrEqualTo(values.get("auc").asDouble());
    assertThat(values.at("/confusion/0/0").asInt() + values.at("/confusion/0/1").asInt())
        .isEqualTo(20);
  }

  @Test
  void predictionGivesOneObjectPerImageAndNamesBadFiles() throws IOException {
    Path bad = Files.writeString(folder.resolve("bad.jpg"), "no image");
    Path csv = folder.resolve("out.csv");
    Result result =
        jresnet(
            "predict",
            run,
            faces.resolve("camera"),
            bad,
            "--precision",
            "fp32",
            "--json",
            "--csv",
            csv);
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).contains("bad.jpg").contains("1 of 21");
    List<String> lines = result.out().lines().toList();
    assertThat(lines).hasSize(20);
    JsonNode first = JSON.readTree(lines.get(0));
    double sum =
        first.at("/probabilities/camera").asDouble()
            + first.at("/probabilities/generated").asDouble();
    assertThat(sum).isBetween(0.999999, 1.000001);
    assertThat(first.get("probability").asDouble()).isGreaterThanOrEqualTo(0.5);
    assertThat(first.get("inference_ms").asDouble()).isPositive();
    assertThat(csv).content().hasLineCount(22).contains("p(generated)");
  }

  @Test
  void aTableIsRefusedBeforeTheWorkAndReplacedOnlyOnDemand() throws IOException {
    Path csv = Files.writeString(folder.resolve("mine.csv"), "mine");
    Path image = faces.resolve("camera/00001.jpg");
    // The model does not exist: what is said of the table is said before it is looked for.
    Path none = folder.resolve("none.pth");
    Result exists = jresnet("predict", none, image, "--csv", csv);
    assertThat(exists.code()).isEqualTo(1);
    assertThat(exists.err()).contains("mine.csv exists; use --overwrite");
    assertThat(csv).content().isEqualTo("mine");
    Path nowhere = folder.resolve("no where/x.csv");
    assertThat(jresnet("predict", none, image, "--csv", nowhere).err())
        .contains("does not exist; create it first: mkdir -p '" + nowhere.getParent() + "'");
    assertThat(jresnet("predict", none, image, "--csv", folder).err()).contains("is a folder");
    assertThat(jresnet("plan", "--device", "h200", "--csv", csv).err()).contains("--overwrite");
    assertThat(jresnet("profile", "--csv", csv).err()).contains("--overwrite");
    Result done =
        jresnet("predict", run, image, "--precision", "fp32", "--csv", csv, "--overwrite");
    assertThat(done.code()).as(done.err()).isZero();
    assertThat(csv).content().startsWith("file,class,probability,p(camera)").hasLineCount(2);
  }

  @Test
  void evaluationWritesEveryPrediction() {
    Path csv = folder.resolve("evaluation.csv");
    Result result = jresnet("evaluate", run, faces, "--precision", "fp32", "--csv", csv);
    assertThat(result.code()).as(result.err()).isZero();
    List<List<String>> rows = Csv.read(csv);
    assertThat(rows).hasSize(41);
    assertThat(rows.get(0))
        .containsExactly("file", "class", "predicted", "p(camera)", "p(generated)");
    assertThat(rows.get(1).subList(0, 2)).containsExactly("camera/00000.jpg", "camera");
    assertThat(Double.parseDouble(rows.get(1).get(3)) + Double.parseDouble(rows.get(1).get(4)))
        .isBetween(0.999999, 1.000001);
    Result again = jresnet("evaluate", folder.resolve("none.pth"), faces, "--csv", csv);
    assertThat(again.err()).contains("evaluation.csv exists; use --overwrite");
  }

  @Test
  void predictionEndsInASummary() {
    Result result = jresnet("predict", run, faces.resolve("camera"), "--precision", "fp32");
    List<String> lines = result.out().lines().toList();
    assertThat(lines.stream().filter(l -> l.contains("ms"))).hasSize(1);
    assertThat(lines.get(lines.size() - 2)).matches("20 images: \\d+ \\w+(, \\d+ \\w+)?");
    assertThat(lines.get(lines.size() - 1)).matches("Per image: preprocess .* ms, inference .*");
    assertThat(lines.get(1)).matches(".*00000.jpg  (camera|generated)  \\d+\\.\\d\\d %");
  }

  @Test
  void summaryDescribesAModelFile() throws IOException {
    Result result = jresnet("summary", run, "--json");
    assertThat(result.code()).as(result.err()).isZero();
    List<String> lines = result.out().lines().toList();
    assertThat(JSON.readTree(lines.get(0)).at("/shape/1").asInt()).isEqualTo(32);
    JsonNode total = JSON.readTree(lines.get(lines.size() - 1));
    assertThat(total.get("model").asText()).startsWith("resnet18");
    assertThat(total.get("class_names").toString()).isEqualTo("[\"camera\",\"generated\"]");
    assertThat(jresnet("summary", run).out()).contains("Classes: camera, generated");
    refused(2, "summary {}/run --classes 3", "does not go with MODEL");
    refused(1, "summary {}/none.pth", "does not exist");
  }

  @Test
  void backendsAgreeOnAnImage() throws IOException {
    Path image = faces.resolve("generated/00003.jpg");
    double[] p = new double[2];
    for (String backend : List.of("cpu", "reference")) {
      String precision = backend.equals("cpu") ? "fp32" : "fp64";
      Result result =
          jresnet("predict", run, image, "--backend", backend, "--precision", precision, "--json");
      assertThat(result.code()).as(result.err()).isZero();
      p[backend.equals("cpu") ? 0 : 1] = JSON.readTree(result.out()).get("probability").asDouble();
    }
    assertThat(p[0]).isCloseTo(p[1], org.assertj.core.data.Offset.offset(1e-4));
  }

  @Test
  void conversionKeepsEveryBit() throws IOException {
    Path pth = folder.resolve("a.pth");
    Path back = folder.resolve("b.safetensors");
    assertThat(jresnet("convert", run, pth).code()).isZero();
    assertThat(jresnet("convert", pth, back).code()).isZero();
    var original = org.jresnet.weights.WeightFiles.read(run.resolve("best.safetensors")).tensors();
    var returned = org.jresnet.weights.WeightFiles.read(back).tensors();
    assertThat(returned.keySet()).isEqualTo(original.keySet());
    returned.forEach(
        (name, tensor) -> assertThat(tensor.data()).as(name).isEqualTo(original.get(name).data()));
    Result again = jresnet("convert", run, pth);
    assertThat(again.code()).isEqualTo(1);
    assertThat(again.err()).contains("--overwrite");
  }

  @Test
  void summaryCounts() throws IOException {
    Result result = jresnet("summary", "--model", "resnet50", "--classes", "2", "--json");
    List<String> lines = result.out().lines().toList();
    assertThat(JSON.readTree(lines.get(lines.size() - 1)).get("parameters").asLong())
        .isEqualTo(23_512_130);
    assertThat(jresnet("summary", "--size", "224x96").code()).isZero();
  }

  @Test
  void versionAndHelp() {
    assertThat(jresnet("--version").out()).startsWith("jresnet ");
    for (String command :
        List.of("demo", "train", "evaluate", "predict", "summary", "convert", "doctor")) {
      Result help = jresnet(command, "--help");
      assertThat(help.code()).isZero();
      assertThat(help.out()).contains("Usage: jresnet " + command);
    }
    assertThat(jresnet("train", "--help").out()).contains("Default: 1e-3");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "train",
        "predict",
        "nonsense",
        "nonsense --help",
        "--help nonsense",
        "--nonsense --help",
        "summary --unknown",
        "summary --unknown --help",
        "summary --help --unknown 3",
        "train --bach 3 x --out y",
        "train x --out y --batch 1 --batch 2",
        "train x --out y --epochs many"
      })
  void wrongUsageIsTwo(String line) {
    Result result = jresnet((Object[]) line.split(" "));
    assertThat(result.code()).as(result.err()).isEqualTo(2);
    assertThat(result.err()).startsWith("jresnet: ").contains("--help lists the").hasLineCount(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "train {}/faces --out {}/o4 --model resnet51 | unknown model 'resnet51'",
        "train {}/faces --out {}/o5 --backend opencl | unknown backend 'opencl'",
        "train {}/faces --out {}/o6 --precision fp8 | unknown precision 'fp8'",
        "train {}/faces --out {}/o8 --batch 0 | between 1 and 65536",
        "train {}/faces --out {}/o9 --size 0 | between 1 and 16384",
        "train {}/faces --out {}/o11 --lr -1 | lr must be",
        "train {}/faces --out {}/o12 --optimizer lion | unknown optimizer 'lion'; known: adam, adamw, sgd",
        "train {}/faces --out {}/o13 --schedule zigzag | unknown schedule 'zigzag'; known: constant, step, cosine",
        "train {}/faces --out {}/o15 --split 0.5,0.1,0.1 | add up to 1",
        "train {}/faces --out {}/o16 --preset best | unknown preset",
        "train {}/faces --out {}/o19 --flip 2 | between 0 and 1",
        "demo --out {}/d1 --images 21 | even number"
      })
  void impossibleOptionsAreTwoAndSayWhy(String line, String reason) {
    refused(2, line, reason);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "train {}/nowhere --out {}/o1 | does not exist",
        "train {}/faces/camera --out {}/o2 | expected one folder per class",
        "train {}/faces/camera/00000.jpg --out {}/o3 | is a file",
        "train {}/faces --out {}/faces/README.md | cannot be made",
        "train {}/faces --out {}/o7 --precision fp64 | no double precision",
        "train {}/faces --out {}/o10 --freeze layer9.* | matches no parameter",
        "train {}/faces --out {}/o14 --weights {}/none.pth | none.pth",
        "train --out {}/o17 --resume | nothing to resume",
        "train {}/faces --out {}/o18 --class-weights 1,2,3 | class weights",
        "predict {}/faces {}/faces | without best.safetensors",
        "predict {}/none.pth {}/faces | does not exist",
        "predict {}/run {}/nothing.jpg | does not exist",
        "evaluate {}/run {}/run | one folder per class",
        "evaluate {}/run {}/faces --model resnet50 | holds a resnet18",
        "convert {}/faces/README.md {}/x.pth | is no weight file",
        "convert {}/run {}/x.onnx | extension",
        "demo --out {}/d2 --size 33 | multiple of 4"
      })
  void badInputIsOneAndSaysWhy(String line, String reason) {
    refused(1, line, reason);
  }

  private void refused(int code, String line, String reason) {
    Result result = jresnet((Object[]) line.strip().replace("{}", folder.toString()).split(" "));
    assertThat(result.code()).as(result.err()).isEqualTo(code);
    assertThat(result.err()).contains(reason).doesNotContain("\tat org.jresnet");
  }

  @Test
  void quantizedModelsAgreeAndOthersAreRefused() throws IOException {
    try (Backend backend = Backends.open("cpu")) {
      assumeTrue(
          backend.supports(Precision.INT8) instanceof Support.Yes, "this CPU has no VNNI or AMX");
    }
    Path integers = folder.resolve("int8.safetensors");
    Result made = jresnet("quantize", run, faces, "--out", integers, "--json");
    assertThat(made.code()).as(made.err()).isZero();
    JsonNode effect = JSON.readTree(made.out());
    assertThat(effect.get("agreement").asDouble()).isGreaterThanOrEqualTo(0.9);
    assertThat(effect.get("images").asInt() + effect.get("calibrated").asInt()).isEqualTo(40);
    Result exact = jresnet("evaluate", run, faces, "--precision", "fp32", "--json");
    Result rounded = jresnet("evaluate", integers, faces, "--precision", "int8", "--json");
    assertThat(rounded.code()).as(rounded.err()).isZero();
    assertThat(JSON.readTree(rounded.out()).get("loss").asDouble())
        .isCloseTo(JSON.readTree(exact.out()).get("loss").asDouble(), withinPercentage(10));
    refused(1, "predict {}/run {}/faces --precision int8", "jresnet quantize");
    refused(1, "train {}/faces --out {}/o30 --precision int8", "int8 is for inference");
    refused(1, "quantize {}/run {}/faces --out " + integers, "exists");
    refused(2, "quantize {}/run {}/faces --out {}/x.pth", "must end in .safetensors");
  }

  @Test
  void benchAndProfileMeasureWhatTheyChecked() throws IOException {
    Path csv = folder.resolve("bench");
    Result bench =
        jresnet(
            "bench",
            "--model",
            "resnet18",
            "--size",
            32,
            "--batch",
            2,
            "--steps",
            2,
            "--seconds",
            0,
            "--precision",
            "fp32",
            "--csv",
            csv,
            "--json");
    assertThat(bench.code()).as(bench.err()).isZero();
    assertThat(bench.out().lines()).hasSize(2);
    for (String line : bench.out().lines().toList()) {
      JsonNode result = JSON.readTree(line);
      assertThat(result.get("images_per_second").asDouble()).isPositive();
      assertThat(result.get("error").asDouble()).isBetween(1e-9, 0.2);
      String name = result.get("configuration").asText() + "-cpu-";
      try (Stream<Path> files = Files.list(csv)) {
        assertThat(files.filter(f -> f.getFileName().toString().startsWith(name))).hasSize(1);
      }
    }
    Path png = folder.resolve("roofline.png");
    Path calls = folder.resolve("calls.csv");
    Result profile =
        jresnet(
            "profile",
            "--model",
            "resnet18",
            "--size",
            32,
            "--batch",
            2,
            "--steps",
            2,
            "--csv",
            calls,
            "--png",
            png,
            "--precision",
            "fp32");
    assertThat(profile.code()).as(profile.err()).isZero();
    assertThat(profile.out()).contains("backward weights").contains("images/s");
    List<String> lines = Files.readAllLines(calls);
    assertThat(lines.get(0)).startsWith("node,operation,implementation,ms,flops,bytes");
    assertThat(lines).anyMatch(l -> l.startsWith("layer4.1.conv2,backward data,"));
    assertThat(lines).anyMatch(l -> l.startsWith("optimizer,update,java,"));
    assertThat(ImageIO.read(png.toFile()).getWidth()).isGreaterThan(400);
  }

  /** What a preset sets is said and stored; what was given is kept. */
  @Test
  void aPresetSaysWhatItSets() throws IOException {
    Path out = folder.resolve("preset");
    Result result =
        jresnet(
            with(
                SMALL,
                "train",
                faces,
                "--out",
                out,
                "--preset",
                "ganprintr",
                "--epochs",
                1,
                "--backend",
                "cpu"));
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
    assertThat(org.jresnet.train.ModelFiles.open(out, java.util.Optional.empty()).info().std())
        .containsExactly(1f, 1f, 1f);
  }

  @Test
  void classesMustBeTheModels() throws IOException {
    Path other = folder.resolve("other");
    for (String kind : List.of("cats", "dogs")) {
      Files.createDirectories(other.resolve(kind));
      Files.copy(faces.resolve("camera/00000.jpg"), other.resolve(kind + "/a.jpg"));
    }
    Result result = jresnet("evaluate", run, other);
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).contains("[camera, generated]").contains("[cats, dogs]");
    Result tooFew = jresnet(with(SMALL, "train", other, "--out", folder.resolve("few")));
    assertThat(tooFew.code()).isEqualTo(1);
    assertThat(tooFew.err()).contains("class 'cats' has 1 image").contains("too few");
  }

  @Test
  void damagedWeightsAreNamed() throws IOException {
    Path best = run.resolve("best.safetensors");
    Path cut = folder.resolve("cut.safetensors");
    byte[] bytes = Files.readAllBytes(best);
    Files.write(cut, java.util.Arrays.copyOf(bytes, bytes.length - 100));
    assertThat(jresnet("predict", cut, faces).err()).contains("truncated");
    Path huge = folder.resolve("huge.safetensors");
    try (RandomAccessFile file = new RandomAccessFile(huge.toFile(), "rw")) {
      file.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(1L << 31).array());
      file.write("{}".getBytes(StandardCharsets.US_ASCII));
    }
    assertThat(jresnet("predict", huge, faces).err()).contains("2147483648");
    Path pth = folder.resolve("wrong.pth");
    assertThat(jresnet("convert", run, pth, "--overwrite").code()).isZero();
    Result wrong = jresnet("predict", pth, faces, "--model", "resnet34");
    assertThat(wrong.code()).isEqualTo(1);
    assertThat(wrong.err())
        .contains("missing")
        .contains("wrong shape")
        .contains("conv1.weight: expected [64, 3, 7, 7]");
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
        jresnet(
            with(
                SMALL,
                "train",
                three,
                "--out",
                folder.resolve("tuned"),
                "--epochs",
                1,
                "--weights",
                run.resolve("best.safetensors"),
                "--freeze",
                "conv1.*,bn1.*,layer1.*"));
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.err())
        .contains("classifier (fc) starts anew")
        .contains("2 classes")
        .contains("3");
    var before = org.jresnet.weights.WeightFiles.read(run.resolve("best.safetensors")).tensors();
    var after =
        org.jresnet.weights.WeightFiles.read(folder.resolve("tuned/best.safetensors")).tensors();
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

  /** One class of 24x32, one of 32x32: the case in which everything looks perfect and is not. */
  @Test
  void classesThatDifferInSizeAreWarnedOf() throws IOException {
    Path shortcut = folder.resolve("shortcut");
    for (String kind : List.of("real", "fake")) {
      Files.createDirectories(shortcut.resolve(kind));
      for (int i = 0; i < 16; i++) {
        ImageIO.write(
            new java.awt.image.BufferedImage(
                kind.equals("real") ? 24 : 32, 32, java.awt.image.BufferedImage.TYPE_INT_RGB),
            "png",
            shortcut.resolve(kind + "/" + i + ".png").toFile());
      }
    }
    Result result =
        jresnet(with(SMALL, "train", shortcut, "--out", folder.resolve("short"), "--epochs", 1));
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
    Object[] train = with(SMALL, "train", fakes, "--out", out, "--epochs", 1);
    Result refused = jresnet(train);
    assertThat(refused.code()).isEqualTo(1);
    assertThat(refused.err())
        .contains("[TPDNE, stylegan2] look like sources of generated images")
        .contains("VGGFace2 and CASIA-WebFace")
        .contains("say --sources");
    assertThat(out.resolve("best.safetensors")).doesNotExist();
    Result meant = jresnet(Stream.concat(Stream.of(train), Stream.of("--sources")).toArray());
    assertThat(meant.code()).as(meant.err()).isZero();
    assertThat(meant.err()).contains("tells sources of generated images apart");
    assertThat(JSON.readTree(out.resolve("run.json").toFile()).at("/options/sources").asBoolean())
        .isTrue();
  }

  @Test
  void drawnFacesAreNotWarnedOf() throws IOException {
    Result result =
        jresnet(with(SMALL, "train", faces, "--out", folder.resolve("calm"), "--epochs", 1));
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.err()).doesNotContain("WARNING");
    assertThat(result.out())
        .contains("size 32x32; shorter side 32; aspect ratio 1.00; EXIF orientation 1")
        .contains("Each epoch leaves out 4 of 28 training images");
  }

  /** Real photographs alone: the share that is called generated is what a user needs to know. */
  @Test
  void oneClassAloneGivesARateOfErrors() throws IOException {
    Path photos = folder.resolve("photos/camera");
    Files.createDirectories(photos);
    for (int i = 0; i < 6; i++) {
      Files.copy(faces.resolve("camera/0000" + i + ".jpg"), photos.resolve(i + ".jpg"));
    }
    Result byFolder = jresnet("evaluate", run, folder.resolve("photos"), "--precision", "fp32");
    assertThat(byFolder.code()).as(byFolder.err()).isZero();
    assertThat(byFolder.out())
        .contains("6 images, all of class 'camera'")
        .containsPattern("False-alarm rate \\(called 'generated'\\): .* of 6; 95 % interval ")
        .doesNotContain("AUC");
    Result byName =
        jresnet("evaluate", run, photos, "--class", "camera", "--precision", "fp32", "--json");
    assertThat(byName.code()).as(byName.err()).isZero();
    JsonNode values = JSON.readTree(byName.out());
    assertThat(values.get("images").asInt()).isEqualTo(6);
    assertThat(values.get("positive").asText()).isEqualTo("generated");
    assertThat(values.get("class_accuracy").size()).isEqualTo(1);
    assertThat(values.has("auc")).isFalse();
    Result hits =
        jresnet("evaluate", run, photos, "--class=camera", "--positive=camera", "--precision=fp32");
    assertThat(hits.out()).contains("Hit rate (called 'camera')");
    refused(1, "evaluate {}/run {}/photos/camera --precision fp32", "--class");
    refused(1, "evaluate {}/run {}/photos --class dog --precision fp32", "[camera, generated]");
    refused(1, "evaluate {}/run {}/photos --positive dog --precision fp32", "--positive");
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

  @Test
  void evaluatingWhatWasTrainedOnIsWarnedOf() throws IOException {
    Result result = jresnet("evaluate", run, faces, "--precision", "fp32", "--json");
    assertThat(result.err())
        .contains("WARNING: the model was trained on 28 of these 40 images, and 6 more chose");
    assertThat(JSON.readTree(result.out()).get("images_of_train").asInt()).isEqualTo(28);
    Path copies = folder.resolve("copies/camera");
    Files.createDirectories(copies);
    String trained =
        Files.readAllLines(run.resolve("split.csv")).stream()
            .filter(l -> l.endsWith(",camera,train"))
            .findFirst()
            .orElseThrow()
            .split(",")[0];
    Files.copy(faces.resolve(trained), copies.resolve("renamed.jpg"));
    DrawnFaces.write(folder.resolve("fresh"), new DrawnFaces.Options(1, 32, 77), done -> {});
    Files.copy(folder.resolve("fresh/camera/00000.jpg"), copies.resolve("new.jpg"));
    Result copied =
        jresnet(
            "evaluate",
            run.resolve("best.safetensors"),
            folder.resolve("copies"),
            "--precision=fp32");
    assertThat(copied.err()).contains("trained on 1 of these 2 images, and 0 more");
  }

  @Test
  void imagesLeftOutOfEveryPartAndCopiesAreRecorded() throws IOException {
    Path damaged = folder.resolve("damaged");
    DrawnFaces.write(damaged, new DrawnFaces.Options(12, 32, 5), done -> {});
    Path whole = folder.resolve("damaged-run");
    assertThat(jresnet(with(SMALL, "train", damaged, "--out", whole, "--epochs", 1)).code())
        .isZero();
    for (String part : List.of("train", "val", "test")) {
      String id =
          Files.readAllLines(whole.resolve("split.csv")).stream()
              .filter(l -> l.endsWith(",camera," + part))
              .findFirst()
              .orElseThrow()
              .split(",")[0];
      Files.writeString(damaged.resolve(id), "no image of " + part);
    }
    Files.copy(
        damaged.resolve("generated/00000.jpg"),
        damaged.resolve("camera/00000.jpg"),
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    Result result =
        jresnet(with(SMALL, "train", damaged, "--out", whole, "--epochs", 1, "--overwrite"));
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
}
