package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jresnet.base.Csv;
import org.jresnet.cli.Cli.Result;
import org.jresnet.data.drawn.DrawnFaces;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Names that talk to the terminal, forge lines or are formulas, through every command. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class HostileNamesTest {
  private static final String REAL = "=1+1\u001b]0;title\u0007\u202e";
  private static final String FAKE = "z\njresnet: all is well\r\u009b2J";

  private Path folder;
  private Path faces;
  private Path run;

  @BeforeAll
  void train(@TempDir Path shared) throws Exception {
    folder = shared;
    Path drawn = folder.resolve("drawn");
    DrawnFaces.write(drawn, new DrawnFaces.Options(10, 32, 1), done -> {});
    faces = Files.createDirectory(folder.resolve("faces"));
    Files.move(drawn.resolve("camera"), faces.resolve(REAL));
    Files.move(drawn.resolve("generated"), faces.resolve(FAKE));
    Files.move(
        faces.resolve(REAL).resolve("00000.jpg"),
        faces.resolve(REAL).resolve("@\u001b[2J\u2028.jpg"));
    Files.writeString(faces.resolve(FAKE).resolve("bad\u001b[31m\nnote: fine.jpg"), "no image");
    run = folder.resolve("run\u001b[7m x");
    Result result =
        jresnet(
            "train",
            faces,
            "--out",
            run,
            "--epochs",
            1,
            "--model",
            "resnet18",
            "--width",
            8,
            "--size",
            32,
            "--batch",
            4,
            "--precision",
            "fp32");
    assertThat(result.code()).as(result.err()).isZero();
    requireVisible(result);
  }

  private static void requireVisible(Result result) {
    // Stack traces of --verbose are indented by tabs.
    String text = (result.out() + result.err()).replace("\n\tat ", "\n");
    assertThat(text.codePoints().filter(c -> c != '\n'))
        .as(text)
        .noneMatch(
            c ->
                switch (Character.getType(c)) {
                  case Character.CONTROL, Character.FORMAT, Character.LINE_SEPARATOR -> true;
                  default -> false;
                });
    assertThat(text.lines())
        .noneMatch(l -> l.startsWith("jresnet: all is well") || l.startsWith("note: fine"));
  }

  @Test
  void nothingReachesTheTerminalRaw() {
    for (Object[] line :
        new Object[][] {
          {"evaluate", run, faces},
          {"evaluate", run, faces, "--json"},
          {"audit", faces, "--strict"},
          {"audit", faces, "--json", "--out", folder.resolve("audit")},
          {"audit", faces, "--group", "no such group"},
          {"predict", run, faces, "--verbose"},
          {"predict", run, faces, "--json"},
          {"predict", run, folder.resolve("no\u001b[31m\njresnet: all is well")},
          {"train", faces, "--out", run},
          {"train", "--out", run, "--resume", "--verbose"},
          {"evaluate", run, folder.resolve("drawn"), "--verbose"},
          {"predict", folder.resolve("x\u001b[2J\njresnet: all is well.pth"), faces, "--verbose"},
          {"no\u001b[31m\nsuch"},
          {"train", "--b\u001b[31m\njresnet: all is well"},
          {"train", faces, "--out", "x", "--epochs", "\u001b[31m\njresnet: all is well"},
          {"train", faces, "--out", "x", "--model", "\u001b[31m\njresnet: all is well"},
          {"train", faces, "--out", "x", "--resize", "\u001b[31m\njresnet: all is well"},
        }) {
      requireVisible(jresnet(line));
    }
  }

  @Test
  void jsonHoldsTheNamesThemselves() throws Exception {
    Result result = jresnet("evaluate", run, faces, "--json");
    assertThat(new ObjectMapper().readTree(result.out()).findValuesAsText("classes")).isNotNull();
    assertThat(new ObjectMapper().readTree(result.out()).get("classes").get(0).asText())
        .isEqualTo(REAL);
  }

  @Test
  void noCellIsAFormulaAndTheSplitIsReadBack() throws Exception {
    Path csv = folder.resolve("p.csv");
    assertThat(jresnet("predict", run, faces, "--csv", csv).code()).isEqualTo(1);
    for (Path file : List.of(csv, run.resolve("split.csv"), run.resolve("metrics.csv"))) {
      assertThat(Files.readString(file)).doesNotContainPattern("(^|[,\n]\"?)[=+@]");
    }
    assertThat(Csv.read(csv)).anyMatch(r -> r.get(1).equals(REAL) || r.get(1).equals(FAKE));
    Path again = folder.resolve("again");
    Result result =
        jresnet(
            "train",
            faces,
            "--out",
            again,
            "--epochs",
            1,
            "--model",
            "resnet18",
            "--width",
            8,
            "--size",
            32,
            "--batch",
            4,
            "--precision",
            "fp32",
            "--split-csv",
            run.resolve("split.csv"));
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(again.resolve("split.csv")).hasSameTextualContentAs(run.resolve("split.csv"));
  }
}
