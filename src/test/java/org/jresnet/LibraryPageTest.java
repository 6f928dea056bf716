package org.jresnet;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jresnet.testing.Compilation;
import org.jresnet.train.Classifier;
import org.jresnet.train.RunFolder;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The programs of docs/library.md and of README, as they stand there: compiled, and run one after
 * the other in one folder.
 */
final class LibraryPageTest {
  private static final Pattern PROGRAM = Pattern.compile("(?ms)^```java\n(.*?)^```$");
  private static final Pattern NAME = Pattern.compile("public class (\\w+)");

  @TempDir static Path folder;
  private static final Map<String, String> OUTPUT = new LinkedHashMap<>();

  /** Runs the main methods of classes in turn, in a JVM of its own for the sake of its folder. */
  static final class Runner {
    private Runner() {}

    public static void main(String[] classes) throws Exception {
      for (String name : classes) {
        System.out.println("== " + name);
        Class.forName(name).getMethod("main", String[].class).invoke(null, (Object) new String[0]);
      }
    }
  }

  @BeforeAll
  static void run() throws Exception {
    Map<String, String> programs = new LinkedHashMap<>(programs(Path.of("docs", "library.md")));
    assertThat(programs).hasSize(6);
    Map<String, String> shortest = programs(Path.of("README.md"));
    assertThat(shortest).hasSize(1);
    programs.putAll(shortest);
    Path classes = compile(programs);
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-cp");
    command.add(classes + ":" + System.getProperty("java.class.path"));
    command.add(Runner.class.getName());
    // README's program wants a photo, which Train draws.
    List<String> names = new ArrayList<>(programs.keySet());
    runAll(command, names.subList(0, names.size() - 1));
    Files.copy(
        folder.resolve("faces").resolve("generated").resolve(firstOf("generated")),
        folder.resolve("photo.jpg"));
    runAll(command, names.subList(names.size() - 1, names.size()));
  }

  private static String firstOf(String label) throws Exception {
    try (var images = Files.list(folder.resolve("faces").resolve(label))) {
      return images.sorted().findFirst().orElseThrow().getFileName().toString();
    }
  }

  private static Map<String, String> programs(Path page) throws Exception {
    Map<String, String> programs = new LinkedHashMap<>();
    Matcher blocks = PROGRAM.matcher(Files.readString(page));
    while (blocks.find()) {
      Matcher name = NAME.matcher(blocks.group(1));
      assertThat(name.find()).as("a program of %s has a public class", page).isTrue();
      programs.put(name.group(1), blocks.group(1));
    }
    return programs;
  }

  private static Path compile(Map<String, String> programs) throws Exception {
    Path sources = Files.createDirectories(folder.resolve("sources"));
    Path classes = Files.createDirectories(folder.resolve("classes"));
    List<Path> files = new ArrayList<>();
    for (Map.Entry<String, String> program : programs.entrySet()) {
      files.add(Files.writeString(sources.resolve(program.getKey() + ".java"), program.getValue()));
    }
    Compilation.require(
        "the page compiles",
        files,
        classes,
        List.of("-Xlint:all,-processing,-classfile,-path", "-Werror"));
    return classes;
  }

  private static void runAll(List<String> command, List<String> names) throws Exception {
    List<String> all = new ArrayList<>(command);
    all.addAll(names);
    Path log = folder.resolve("log");
    Path errors = folder.resolve("errors");
    ProcessBuilder builder =
        new ProcessBuilder(all)
            .directory(folder.toFile())
            .redirectOutput(log.toFile())
            .redirectError(errors.toFile());
    // As the page advises: the tests run beside other work.
    builder.environment().put("OMP_WAIT_POLICY", "passive");
    Process process = builder.start();
    boolean ended = process.waitFor(15, TimeUnit.MINUTES);
    process.destroyForcibly();
    String text = Files.readString(log);
    assertThat(ended && process.exitValue() == 0)
        .as("%s ran: %s%s", names, text, Files.readString(errors))
        .isTrue();
    for (String part : text.split("(?m)^== ")) {
      int end = part.indexOf('\n');
      OUTPUT.put(end < 0 ? part : part.substring(0, end), part.substring(end + 1));
    }
  }

  @Test
  void trainLeavesARunThatOpens() {
    assertThat(OUTPUT.get("Train"))
        .containsPattern("validation accuracy +\\d")
        .contains("test accuracy");
    assertThat(folder.resolve("runs/r1").resolve(RunFolder.BEST)).exists();
    try (Classifier classifier = Classifier.open(folder.resolve("runs/r1"))) {
      assertThat(classifier.classes()).containsExactly("camera", "generated");
    }
  }

  @Test
  void predictNamesAClassAndItsProbabilityForEachImage() {
    assertThat(
            OUTPUT
                .get("Predict")
                .lines()
                .filter(l -> l.matches(".*: (camera|generated) [01][.]\\d{4}")))
        .hasSize(3);
    assertThat(OUTPUT.get("Predict")).containsPattern("accuracy +\\d");
    assertThat(OUTPUT.get("Hello")).containsPattern("^(camera|generated) [01][.]\\d+");
  }

  @Test
  void theMapIsThatOfTheNode() {
    List<String> lines = OUTPUT.get("LookInside").lines().toList();
    assertThat(lines.get(0)).startsWith("layer3.1.relu is ");
    assertThat(lines.subList(1, 3)).allSatisfy(l -> assertThat(l.trim().split(" +")).hasSize(2));
    assertThat(lines.get(3))
        .matches("loss if it were real [\\d.]+, by the first pixel's red -?[\\d.]+");
  }

  @Test
  void theOwnLoopTrainsWhatIsNotFrozenAndExportsIt() {
    assertThat(OUTPUT.get("FineTune")).contains("epoch 2: loss ").contains("frozen: true");
    StateDict before = WeightFiles.read(folder.resolve("runs/r1").resolve(RunFolder.BEST));
    StateDict after = WeightFiles.read(folder.resolve("tuned.safetensors"));
    StateDict torch = WeightFiles.read(folder.resolve("tuned.pth"));
    assertThat(after.tensors().keySet()).isEqualTo(before.tensors().keySet());
    after
        .tensors()
        .forEach(
            (name, tensor) -> {
              boolean frozen = name.matches("(conv1|bn1|layer1|layer2)[.].*");
              boolean same = tensor.data().equals(before.tensors().get(name).data());
              assertThat(same).as(name + " stayed").isEqualTo(frozen);
              assertThat(torch.tensors().get(name).data()).as(name).isEqualTo(tensor.data());
            });
  }

  @Test
  void theOwnLossIsANumber() {
    assertThat(OUTPUT.get("OwnLoss")).containsPattern("focal loss \\d[.]\\d{4}");
  }

  @Test
  void theOwnNetworkLearns() {
    String text = OUTPUT.get("OwnNetwork");
    assertThat(text).contains("step 60: loss ");
    Matcher right = Pattern.compile("loaded again: (\\d+) of 16 right").matcher(text);
    assertThat(right.find()).isTrue();
    assertThat(Integer.parseInt(right.group(1))).isGreaterThanOrEqualTo(14);
  }
}
