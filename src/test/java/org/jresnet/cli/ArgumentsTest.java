package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jresnet.cli.Cli.Result;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** Absurd arguments, for every option that there is and that there will be. */
final class ArgumentsTest {
  private static final List<String> ABSURD =
      List.of(
          "-1",
          "0",
          "-0.5",
          "2147483647",
          "99999999999999999999",
          "1e400",
          "NaN",
          "Infinity",
          "",
          "x",
          "1,x",
          "0x10");

  /** What a command needs besides, so that nothing but the option can be wrong. */
  private static final Map<String, List<String>> NEEDED =
      Map.ofEntries(
          Map.entry("audit", List.of("/nosuch")),
          Map.entry("pack", List.of("/nosuch", "/nosuch-shards")),
          Map.entry("train", List.of("/nosuch", "--out", "/nosuch/run")),
          Map.entry("evaluate", List.of("/nosuch.pth", "/nosuch")),
          Map.entry("compare", List.of("/nosuch.pth", "/nosuch.pth", "/nosuch")),
          Map.entry("matrix", List.of("/nosuch.pth", "--sets=/nosuch", "--out=/nosuch/matrix")),
          Map.entry("predict", List.of("/nosuch.pth", "/nosuch.jpg")),
          Map.entry("bundle", List.of("/nosuch.pth", "/nosuch/x.tar.gz", "--target=n5105")),
          Map.entry("verify", List.of("/nosuch")),
          Map.entry(
              "quantize", List.of("/nosuch.pth", "/nosuch", "--out", "/nosuch/x.safetensors")),
          Map.entry("export", List.of("/nosuch.pth", "/nosuch/x.onnx")),
          Map.entry("convert", List.of("/nosuch.pth", "/nosuch/x.pth")),
          Map.entry("forensic-benchmark", List.of("--out", "/nosuch/bench")),
          Map.entry("gradcheck", List.of("--model", "resnet18", "--all-kinds")),
          Map.entry("record", List.of("/nosuch.pth", "/nosuch.png", "--out", "/nosuch/x.rec")),
          Map.entry("serve", List.of("/nosuch.pth")));

  @TempDir Path folder;

  private static CommandLine line() {
    return Main.commandLine(new Main());
  }

  private static boolean numeric(OptionSpec option) {
    Class<?> type = option.auxiliaryTypes()[0];
    type = type.isArray() ? type.getComponentType() : type;
    return Number.class.isAssignableFrom(type) || (type.isPrimitive() && type != boolean.class);
  }

  static Stream<Arguments> numericOptions() {
    List<Arguments> all = new ArrayList<>();
    line()
        .getSubcommands()
        .forEach(
            (name, command) ->
                command.getCommandSpec().options().stream()
                    .filter(ArgumentsTest::numeric)
                    .forEach(o -> all.add(Arguments.of(name, Named.of(o.longestName(), o)))));
    assertThat(all).hasSizeGreaterThan(60);
    return all.stream();
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("numericOptions")
  void absurdNumbersAreWrongUsage(String command, OptionSpec option) {
    Within within = org.jresnet.cli.Arguments.within(option).orElseThrow();
    Class<?> type = option.auxiliaryTypes()[0];
    boolean whole = !List.of(double.class, Double.class, double[].class).contains(type);
    for (String value : ABSURD) {
      if (taken(value, within, whole)) {
        continue;
      }
      List<Object> arguments = new ArrayList<>(List.of(command));
      arguments.addAll(NEEDED.getOrDefault(command, List.of()));
      arguments.add(option.longestName() + "=" + value);
      Result result = jresnet(arguments.toArray());
      assertThat(result.code()).as(arguments + ": " + result.err()).isEqualTo(2);
      assertThat(result.err())
          .startsWith("jresnet: " + option.longestName() + " must ")
          .contains(command + " --help")
          .hasLineCount(1);
      assertThat(result.out()).isEmpty();
    }
  }

  private static boolean taken(String value, Within within, boolean whole) {
    BigDecimal number;
    try {
      number = new BigDecimal(value);
    } catch (NumberFormatException e) {
      return false;
    }
    double v = number.doubleValue();
    boolean exact =
        !whole
            || number.stripTrailingZeros().scale() <= 0
                && number.abs().compareTo(new BigDecimal(Long.MAX_VALUE)) <= 0;
    return exact
        && v >= within.min()
        && v <= within.max()
        && v > within.above()
        && v < within.below();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "summary --width 5000 | layer3.0.conv2.weight of shape [20000, 20000, 3, 3] would have"
            + " 3600000000 values",
        "summary --width 16384 --classes 1000000 | use a smaller width or fewer classes",
        "summary --classes 2147483647 | --classes must be a whole number between 1 and 1000000",
        "summary --batch 65536 --size 16384 --width 512 | at most 2 fit: use a smaller batch or"
            + " size",
        "serve /nosuch --max-delay 5 | expected a time with its unit, such as 5ms, 30s or 2m, found"
            + " '5'",
        "serve /nosuch --max-delay 11m | --max-delay must be between 0 and 600000 ms, found 660000",
        "serve /nosuch --request-timeout 1us | --request-timeout must be between 100 and 600000 ms,"
            + " found 0",
        "serve /nosuch --max-bytes 20XB | expected a size with its unit, such as 500kB or 20MB,"
            + " found '20XB'",
        "serve /nosuch --max-bytes 2GB | --max-bytes must be between 1000 and 1000000000 bytes,"
            + " found 2000000000",
        "serve /no/such /other/such | two models would be named 'such'; give one another name:"
            + " NAME=/other/such",
        "serve /no/a%b | name it: NAME=/no/a%b",
        "summary --size 1x2x3 | one number or height x width",
        "train /nosuch --out /nosuch/o --size 30000 | --size must be a whole number between 1 and"
            + " 16384",
        "train /nosuch --out /nosuch/o --size 16384 | use a smaller batch or size",
        "train /nosuch --out /nosuch/o --width 5000 | use a smaller width or fewer classes",
        "train /nosuch --out /nosuch/o --lr nan | --lr must be a number",
        "train /nosuch --out /nosuch/o --freeze [ | '[' is no pattern: Missing '] at position 1",
        "train /nosuch --out /nosuch/o --group a(b | 'a(b' is no regular expression: Unclosed group"
            + " at position 4",
        "train /nosuch --out /nosuch/o --split 0.5,0.5,0.5 | add up to 1",
        "train /nosuch --out /nosuch/o --split 1 | two or three shares",
        "train /nosuch --out /nosuch/o --betas 0.9 | two numbers",
        "train /nosuch --out /nosuch/o --batch 2 --batch 3 | should be specified only once",
        "train /nosuch --out= | --out must not be empty",
        "predict /nosuch.pth /nosuch.jpg --csv= | --csv must not be empty",
        "bench --batch 65536 --size 16384 --no-check | use a smaller batch or size",
        "profile --batch 65536 --size 224 | use a smaller batch or size",
        "profile --workspace 1e9GB | takes a size such as 256MB",
      })
  void whatTogetherIsAbsurdIsWrongUsage(String line, String reason) {
    Result result = jresnet((Object[]) line.split(" "));
    assertThat(result.code()).as(result.err()).isEqualTo(2);
    assertThat(result.err()).contains(reason).doesNotContain("\tat ");
  }

  @Test
  void anEmptyArgumentIsNoFolder() {
    assertThat(jresnet("train", "", "--out", folder.resolve("o")).err())
        .contains("DATA must not be empty");
    assertThat(jresnet("predict", "/nosuch.pth", "").err()).contains("IMAGE must not be empty");
  }

  @Test
  void aFileNamedLikeAnArgumentFileIsAFile() {
    Result result = jresnet("predict", "/nosuch.pth", "@/etc/passwd");
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).contains("/nosuch.pth").doesNotContain("root");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "predic x | unknown command 'predic'; did you mean predict",
        "train x --out y --bach 3 | unknown option '--bach'; did you mean --batch",
        "train x --out y --batch many | --batch must be a whole number between 1 and 65536, found"
            + " 'many'",
        "train x --out y --resize zoom | 'zoom'",
        "train x | Missing required option: '--out=DIR'",
      })
  void wrongUsageIsOneLineWithTheSuggestionLast(String line, String start) {
    Result result = jresnet((Object[]) line.split(" "));
    assertThat(result.code()).isEqualTo(2);
    assertThat(result.err()).startsWith("jresnet: ").contains(start).hasLineCount(1);
    assertThat(result.err().strip())
        .matches(".*jresnet( \\w+)? --help lists the (commands|options)");
  }

  static Stream<String> commands() {
    return line().getSubcommands().keySet().stream();
  }

  @ParameterizedTest
  @MethodSource("commands")
  void helpIsGroupedAndShowsNoEmptyDefault(String command) {
    Result help = jresnet(command, "--help");
    assertThat(help.code()).isZero();
    List<String> lines = help.out().lines().toList();
    assertThat(lines).noneMatch(l -> l.matches(".*Default:\\s*(null)?\\s*"));
    assertThat(lines).contains("General:");
    CommandLine spec = line().getSubcommands().get(command);
    Set<String> headings = new LinkedHashSet<>();
    for (OptionSpec option : spec.getCommandSpec().options()) {
      headings.add(Usage.heading(option));
      assertThat(help.out()).contains(option.longestName());
    }
    headings.forEach(h -> assertThat(lines).contains(h + ":"));
    if (spec.getCommandSpec().findOption("--gpu") != null) {
      int gpu = lines.indexOf("NVIDIA GPU:");
      int end = lines.subList(gpu, lines.size()).indexOf("") + gpu;
      assertThat(String.join("\n", lines.subList(gpu, end)))
          .contains("--gpu", "--cuda-libs", "--workspace", "--deterministic")
          .doesNotContain("--json", "--batch", "--threads");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"train", "predict", "evaluate"})
  void longHelpsHaveSeveralHeadings(String command) {
    assertThat(jresnet(command, "--help").out())
        .contains("\nModel:\n")
        .contains("\nNVIDIA GPU:\n")
        .contains("\nComputation:\n");
  }

  /** A description is a format: a percent sign that stands for itself is written twice. */
  @Test
  void helpOfEveryCommandCanBeFormatted() {
    Set<String> commands = line().getSubcommands().keySet();
    assertThat(commands).hasSizeGreaterThan(10);
    for (String command : commands) {
      Result help = jresnet(command, "--help");
      assertThat(help.err()).as(command).isEmpty();
      assertThat(help.out()).as(command).contains("Usage: jresnet " + command);
    }
    assertThat(jresnet("--help").err()).isEmpty();
  }
}
