package org.jresnet.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import org.jresnet.base.Text;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.LeftOut;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Split;
import org.jresnet.data.shards.Packer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jresnet pack}. */
@Command(
    name = "pack",
    sortOptions = false,
    description = {
      "Packs a data folder into a few large files (tar shards in WebDataset's layout) that are read fast and checked as they"
          + " are read. Every command takes such a folder as a data folder, with the same split.",
      "A run that was stopped goes on when it is started again; one that is complete checks its shards."
    })
final class PackCommand implements Callable<Integer> {
  /** Bad images that are named; the rest is counted. */
  private static final int MAX_NAMED = 5;

  @Parameters(
      index = "0",
      paramLabel = "DATA",
      description =
          "Folder with one folder of images per class, or with the folders train, val and test.")
  private String data;

  @Parameters(
      index = "1",
      paramLabel = "SHARDS",
      description = "Folder for the shards: new, empty, or packed with the same options.")
  private String shards;

  @Heading("Images and data")
  @Option(
      names = "--pixels",
      paramLabel = "SIZE",
      description = {
        "Pack decoded pixels for networks with inputs of this side: train --size SIZE, without crops, compression, blur and"
            + " degradations, then sees the same bits as from the files. Without this option files are packed as they are."
      })
  @Within(min = 1, max = Within.SIDE)
  private Integer pixels;

  @Option(
      names = "--resize",
      defaultValue = "stretch",
      description = "With --pixels: as for train, stretch or crop (shorter side, nothing cut off).")
  private Preprocess.Mode resize;

  @Mixin private DecodingOptions decoding;

  @Heading("Output")
  @Option(
      names = "--per-shard",
      defaultValue = "4096",
      paramLabel = "N",
      description = "Most images of a shard; it also ends where it would exceed about 1 GB.")
  @Within(min = 1, max = Within.MANY)
  private int perShard;

  @Option(names = "--seed", defaultValue = "42", description = "Seed of the order of the images.")
  @Within
  private long seed;

  @Option(
      names = "--loader-threads",
      defaultValue = "2",
      description = "Threads that read and decode images.")
  @Within(min = 1, max = Within.THREADS)
  private int threads;

  @Option(
      names = "--json",
      description = "Print the result as a JSON object; progress goes to standard error.")
  private boolean json;

  @Override
  public Integer call() {
    Console console = new Console(json);
    Path from = ImageFolder.expand(data);
    Path to = ImageFolder.expand(shards);
    if (to.toAbsolutePath().normalize().startsWith(from.toAbsolutePath().normalize())) {
      throw new UsageError(
          Text.format("the shards would lie inside of the data folder %s; name another", from));
    }
    if (!Split.hasOwnParts(from)) {
      LeftOut leftOut = ImageFolder.leftOut(from);
      leftOut.note().ifPresent(console::note);
    }
    Optional<Preprocess> reduced =
        Optional.ofNullable(pixels).map(size -> new Preprocess(size, resize, decoding.options()));
    Packer packer = new Packer(from, to, new Packer.Options(reduced, perShard, seed, threads));
    Packer.Result result;
    try (ProgressBar bar = Progress.bar("Packing", 0, " images")) {
      result =
          packer.run(
              new Packer.Listener() {
                @Override
                public void planned(int images, int shards) {
                  bar.maxHint(images);
                }

                @Override
                public void packed(int images) {
                  bar.stepTo(images);
                }
              },
              () -> false);
    }
    print(console, to, result);
    return 0;
  }

  private void print(Console console, Path to, Packer.Result result) {
    result.bad().values().stream()
        .limit(MAX_NAMED)
        .forEach(problem -> console.note(Text.format("packed as it is: %s", problem)));
    if (result.bad().size() > MAX_NAMED) {
      console.note(
          Text.format(
              "%s more could not be decoded and are packed as they are",
              result.bad().size() - MAX_NAMED));
    }
    console.print(
        "Packed %s (%s) into %s of %s, %.1f MB%s",
        Text.count(result.images(), "image"),
        pixels == null ? "files" : "pixels",
        Text.count(result.shards(), "shard"),
        to,
        result.bytes() / 1e6,
        result.found() == 0
            ? ""
            : Text.format(
                "; %s there already and checked",
                result.found() == 1 ? "1 was" : result.found() + " were"));
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("folder", to.toString());
    values.put("images", result.images());
    values.put("shards", result.shards());
    values.put("found", result.found());
    values.put("bytes", result.bytes());
    values.put("undecodable", result.bad());
    console.object(values);
  }
}
