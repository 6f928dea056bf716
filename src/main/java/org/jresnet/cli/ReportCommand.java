package org.jresnet.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Text;
import org.jresnet.data.ImageFolder;
import org.jresnet.detect.report.Browser;
import org.jresnet.detect.report.RunReport;
import org.jresnet.train.RunRecord;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet report}. */
@Command(
    name = "report",
    sortOptions = false,
    description = {
      "Writes what a run's folder holds as one HTML page that needs no network: data, training, results with intervals,"
          + " calibration, errors, and the commands that repeat it. What was not measured is named."
    })
final class ReportCommand implements Callable<Integer> {
  private static final String PAGE = "report.html";

  @Parameters(index = "0", paramLabel = "RUN", description = "Folder of jresnet train --out.")
  private String run;

  @Heading("Also on the page")
  @Option(names = "--audit", paramLabel = "DIR", description = "Folder of jresnet audit --out.")
  private String audit;

  @Option(names = "--matrix", paramLabel = "DIR", description = "Folder of jresnet matrix --out.")
  private String matrix;

  @Option(
      names = "--explanations",
      paramLabel = "DIR",
      description = "Folder of jresnet predict --explain.")
  private String explanations;

  @Heading("Output")
  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "The page. Default: report.html in RUN, which is replaced.")
  private Path out;

  @Option(
      names = "--pdf",
      paramLabel = "FILE",
      description = "Also print the page to this PDF file; needs Chromium or Chrome.")
  private Path pdf;

  @Option(names = "--overwrite", description = "Replace the files of --out and --pdf.")
  private boolean overwrite;

  @Option(names = "--json", description = "Print the names of the files as a JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    Path folder = ImageFolder.expand(run);
    RunRecord record = RunReport.record(folder);
    if (out != null) {
      OutputFile.require("--out", out, overwrite);
    }
    Optional<Browser> browser = Optional.empty();
    if (pdf != null) {
      OutputFile.require("--pdf", pdf, overwrite);
      browser = Optional.of(Browser.find());
    }
    Console console = new Console(json);
    Path target = out == null ? folder.resolve(PAGE) : out;
    write(folder, record, target, path(audit), path(matrix), path(explanations));
    console.print("Wrote %s", target);
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("report", target.toString());
    browser.ifPresent(
        b -> {
          b.print(target, pdf);
          console.print("Wrote %s", pdf);
          values.put("pdf", pdf.toString());
        });
    console.object(values);
    return 0;
  }

  /**
   * Writes the page of a run with nothing but what is in its folder.
   *
   * @return the page
   */
  static Path write(Path folder) {
    Path target = folder.resolve(PAGE);
    Optional<Path> none = Optional.empty();
    write(folder, RunReport.record(folder), target, none, none, none);
    return target;
  }

  private static void write(
      Path folder,
      RunRecord record,
      Path target,
      Optional<Path> audit,
      Optional<Path> matrix,
      Optional<Path> explanations) {
    List<String> commands =
        List.of(
            TrainCommandLine.of(record.options(), folder),
            Text.format("./jresnet evaluate %s --test", Text.shellWord(folder)),
            Text.format("./jresnet report %s", Text.shellWord(folder)));
    AtomicFile.write(
        target,
        RunReport.html(
            folder, record, new RunReport.Sources(audit, matrix, explanations, commands)));
  }

  private static Optional<Path> path(String text) {
    return Optional.ofNullable(text).map(ImageFolder::expand);
  }
}
