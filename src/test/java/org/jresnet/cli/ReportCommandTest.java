package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.jresnet.cli.Cli.jresnet;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jresnet.cli.Cli.Result;
import org.jresnet.data.drawn.DrawnFaces;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReportCommandTest {
  private Path folder;
  private Path run;

  @BeforeAll
  void trainOnce(@TempDir Path shared) {
    folder = shared;
    run = folder.resolve("run");
    Path faces = folder.resolve("faces of <b>others</b>");
    DrawnFaces.write(faces, new DrawnFaces.Options(20, 64, 1), done -> {});
    Result result =
        jresnet(
            "train",
            faces,
            "--out",
            run,
            "--model",
            "resnet18",
            "--width",
            8,
            "--size",
            32,
            "--batch",
            8,
            "--precision",
            "fp32",
            "--epochs",
            2,
            "--lr",
            "3e-4",
            "--zero-init",
            "--drop-last=false",
            "--split",
            "0.6,0.2,0.2",
            "--jpeg",
            "0.25",
            "--optimizer",
            "adamw");
    assertThat(result.code()).as(result.err()).isZero();
  }

  @Test
  void theCommandOnThePageRepeatsTheRunToTheBit() throws IOException {
    Result result = jresnet("report", run);
    assertThat(result.code()).as(result.err()).isZero();
    String page = Files.readString(run.resolve("report.html"));
    assertThat(page).doesNotContain("<b>others");
    Matcher m = Pattern.compile("\\./jresnet (train .*)").matcher(page);
    assertThat(m.find()).isTrue();
    String faces = "'" + folder.resolve("faces of &lt;b&gt;others&lt;/b&gt;").toString() + "'";
    String line = m.group(1).replace("&#39;", "'").replace("&#x3D;", "=");
    assertThat(line).contains(faces);
    Path again = folder.resolve("again");
    String[] words =
        line.replace(faces, "DATA").replace(run.toString(), again.toString()).split(" ");
    for (int i = 0; i < words.length; i++) {
      words[i] =
          words[i].equals("DATA") ? folder.resolve("faces of <b>others</b>").toString() : words[i];
    }
    Result repeated = jresnet((Object[]) words);
    assertThat(repeated.code()).as(repeated.err()).isZero();
    assertThat(again.resolve("best.safetensors"))
        .hasSameBinaryContentAs(run.resolve("best.safetensors"));
  }

  @Test
  void theTestSetIsNamedAsNotMeasuredUntilItIs() throws IOException {
    assertThat(jresnet("report", run, "--out", folder.resolve("before.html")).code()).isZero();
    assertThat(folder.resolve("before.html")).content().contains("--test</code>");
    assertThat(jresnet("evaluate", run, "--test").code()).isZero();
    assertThat(jresnet("report", run, "--out", folder.resolve("after.html")).code()).isZero();
    assertThat(folder.resolve("after.html"))
        .content()
        .contains("The seal was opened once.", "<svg")
        .doesNotContain("--test</code>");
  }

  @Test
  void auditComesFromItsFolder() throws IOException {
    Path faces = folder.resolve("faces of <b>others</b>");
    Path audit = folder.resolve("audit");
    Result audited = jresnet("audit", faces, "--out", audit);
    assertThat(audited.code()).as(audited.err()).isZero();
    Path page = folder.resolve("with.html");
    Result result = jresnet("report", run, "--audit", audit, "--out", page);
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(page)
        .content()
        .contains("A model that sees no face", "40 images of", "Mean spectrum of each class")
        .doesNotContain("<b>others", "jresnet audit");
  }

  @Test
  void matrixComesFromItsFolder() throws IOException {
    Path faces = folder.resolve("faces of <b>others</b>");
    Path matrix = folder.resolve("matrix");
    Result measured = jresnet("matrix", run, "--sets", faces, "--out", matrix);
    assertThat(measured.code()).as(measured.err()).isZero();
    Path page = folder.resolve("with-matrix.html");
    assertThat(jresnet("report", run, "--matrix", matrix, "--out", page).code()).isZero();
    assertThat(page)
        .content()
        .contains("Models against sources", "AUC with 95 % interval", "faces of &lt;b&gt;others")
        .doesNotContain("<b>others");
    Result none = jresnet("report", run, "--matrix", run, "--out", folder.resolve("no.html"));
    assertThat(none.code()).isEqualTo(1);
    assertThat(none.err()).contains("name the folder of jresnet matrix --out");
    assertThat(folder.resolve("no.html")).doesNotExist();
  }

  @Test
  void whatCannotBeWrittenIsRefused() throws IOException {
    Path taken = Files.writeString(folder.resolve("taken.html"), "mine");
    Result result = jresnet("report", run, "--out", taken);
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err()).contains("taken.html exists; use --overwrite");
    assertThat(taken).hasContent("mine");
    Result none = jresnet("report", folder.resolve("nowhere"));
    assertThat(none.code()).isEqualTo(1);
    assertThat(none.err()).contains("expected run.json in it");
    Result empty = jresnet("report", run, "--explanations", folder);
    assertThat(empty.code()).isEqualTo(1);
    assertThat(empty.err()).contains("expected drawings of jresnet predict --explain");
  }
}
