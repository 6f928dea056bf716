package org.jresnet.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jresnet.base.Text;
import org.jresnet.data.ImageFolder;
import org.jresnet.train.PartMerge;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet merge}. */
@Command(
    name = "merge",
    sortOptions = false,
    description = {
      "Puts the parts of predict --shard together: checks that all are there, once, made with one model and the same options"
          + " and images, and writes one table, sorted by file."
    })
final class MergeCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      paramLabel = "FILE",
      description =
          "The table that predict --csv FILE --shard K/N named; its parts lie in FILE.parts.")
  private String table;

  @Heading("Output")
  @Option(names = "--overwrite", description = "Replace FILE if it exists.")
  private boolean overwrite;

  @Option(names = "--json", description = "Print the result as a JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    Console console = new Console(json);
    Path file = ImageFolder.expand(table);
    OutputFile.require("FILE", file, overwrite);
    PartMerge.Result result = PartMerge.merge(file);
    console.print(
        "Merged %s with %s into %s%s",
        Text.count(result.parts(), "part"),
        Text.count(result.images(), "image"),
        file,
        result.failed() == 0 ? "" : Text.format("; %s could not be classified", result.failed()));
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("file", file.toString());
    values.put("parts", result.parts());
    values.put("images", result.images());
    values.put("failed", result.failed());
    console.object(values);
    return 0;
  }
}
