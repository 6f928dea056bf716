package org.jresnet.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jresnet.base.Csv;
import org.jresnet.base.Text;
import org.jresnet.bench.Atlas;
import org.jresnet.bench.AtlasDiff;
import org.jresnet.bench.AtlasDiff.Change;
import org.jresnet.data.ImageFolder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet atlas diff}. */
@Command(
    name = "diff",
    sortOptions = false,
    description =
        "Compares two atlases, of two machines or versions; what changed most comes first. A ratio"
            + " below 1 means that the second is faster.")
final class AtlasDiffCommand implements Callable<Integer> {
  @Parameters(index = "0", paramLabel = "A", description = "An atlas.json, or its folder.")
  private String first;

  @Parameters(index = "1", paramLabel = "B", description = "Another one.")
  private String second;

  @Heading("Output")
  @Option(names = "--top", defaultValue = "30", description = "Rows to print; the file has all.")
  @Within(min = 0, max = Within.MANY)
  private int top;

  @Option(names = "--csv", paramLabel = "FILE", description = "Write all rows to this file.")
  private Path csv;

  @Option(names = "--overwrite", description = "Replace the file of --csv if it exists.")
  private boolean overwrite;

  @Option(names = "--json", description = "Print one JSON object per row.")
  private boolean json;

  @Override
  public Integer call() {
    if (csv != null) {
      OutputFile.require("--csv", csv, overwrite);
    }
    Console console = new Console(json);
    Atlas a = Atlas.read(ImageFolder.expand(first));
    Atlas b = Atlas.read(ImageFolder.expand(second));
    AtlasDiff diff = AtlasDiff.of(a, b);
    describe(console, "A", a);
    describe(console, "B", b);
    console.print("%n%7s %9s %9s  %-10s %4s  %s", "B/A", "A ms", "B ms", "by", "thr", "product");
    diff.changes().stream().limit(top).forEach(change -> print(console, change));
    diff.changes().forEach(change -> console.object(values(change)));
    console.print(
        "%n%s in both, %d in A alone, %d in B alone",
        Text.count(diff.changes().size(), "row"), diff.before().size(), diff.after().size());
    if (csv != null) {
      Csv.write(csv, records(diff));
    }
    return 0;
  }

  private static void describe(Console console, String name, Atlas atlas) {
    Atlas.Origin o = atlas.origin();
    console.print(
        "%s: %s, batch %d, %dx%d; %s; %s; jresnet %s, %s",
        name,
        o.network(),
        o.batch(),
        o.size(),
        o.size(),
        o.machine(),
        String.join("; ", o.backends()),
        o.jresnet(),
        o.time());
  }

  private static void print(Console console, Change change) {
    Atlas.Row row = change.before();
    console.print(
        "%7.3f %9.3f %9.3f  %-10s %4d  %s",
        change.ratio(), row.ms(), change.after().ms(), row.candidate(), row.threads(), row.part());
  }

  private static Map<String, Object> values(Change change) {
    Atlas.Row row = change.before();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("part", row.part());
    values.put("precision", row.precision().id());
    values.put("candidate", row.candidate());
    values.put("threads", row.threads());
    values.put("a_ms", row.ms());
    values.put("b_ms", change.after().ms());
    values.put("ratio", change.ratio());
    return values;
  }

  private static List<List<String>> records(AtlasDiff diff) {
    List<List<String>> records = new ArrayList<>();
    records.add(List.of("part", "precision", "candidate", "threads", "a_ms", "b_ms", "ratio"));
    for (Change change : diff.changes()) {
      Atlas.Row row = change.before();
      records.add(
          List.of(
              row.part(),
              row.precision().id(),
              row.candidate(),
              String.valueOf(row.threads()),
              String.format(Locale.ROOT, "%.4f", row.ms()),
              String.format(Locale.ROOT, "%.4f", change.after().ms()),
              String.format(Locale.ROOT, "%.4f", change.ratio())));
    }
    return records;
  }
}
