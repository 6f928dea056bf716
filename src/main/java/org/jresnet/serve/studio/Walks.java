package org.jresnet.serve.studio;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jresnet.backend.Pass;
import org.jresnet.base.Png;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.RgbImage;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.inspect.NodePatterns;
import org.jresnet.inspect.Recording;
import org.jresnet.inspect.StepRecorder;
import org.jresnet.inspect.StepStart;
import org.jresnet.serve.Call;
import org.jresnet.serve.FileState;
import org.jresnet.serve.Problem;
import org.jresnet.train.RunFolder;

/** The recordings that can be walked through: those on the disk, and those made from a page. */
final class Walks implements AutoCloseable {
  private static final String EXTENSION = ".rec";
  private static final int DEPTH = 3;

  /** Images that a page offers. */
  private static final int SAMPLES = 24;

  /** A norm over fewer values says nothing of how norms behave. */
  private static final long LEAST_PER_CHANNEL = 8;

  private static final int LARGEST_BATCH = 8;

  private final RunList runs;
  private final Engine engine;
  private final Path given;

  /** Open recordings. They are mapped, so that it is addresses and not memory that they take. */
  private final Map<FileState, Walk> open = new LinkedHashMap<>();

  /** Of recordings made here; null before the first. */
  private Path folder;

  private int number;

  Walks(RunList runs, Engine engine, Path given) {
    this.runs = runs;
    this.engine = engine;
    this.given = given;
    if (Files.isRegularFile(given)) {
      // What is wrong with it is said before a page is opened.
      walk(given);
    }
  }

  private synchronized List<Path> roots() {
    return folder == null ? List.of(runs.root()) : List.of(folder, runs.root());
  }

  /** Made when it is needed, so that a studio that only looks leaves nothing. */
  private synchronized Path folder() {
    if (folder == null) {
      try {
        folder = Files.createTempDirectory("jresnet-studio");
      } catch (IOException e) {
        throw new UserError(
            Text.format("no folder for recordings can be made in java.io.tmpdir: %s", e), e);
      }
    }
    return folder;
  }

  private List<Path> files() {
    List<Path> all = new ArrayList<>();
    if (Files.isRegularFile(given)) {
      all.add(given);
    }
    for (Path root : roots()) {
      try (Stream<Path> below = Files.walk(root, DEPTH)) {
        below
            .filter(f -> f.toString().endsWith(EXTENSION) && !all.contains(f))
            .sorted()
            .forEach(all::add);
      } catch (IOException | UncheckedIOException e) {
        // A folder vanished while it was read: what is left is seen next time.
        continue;
      }
    }
    return all;
  }

  /** Names of all recordings, that of the command line first, then those made here. */
  Map<String, Object> list() {
    return Map.of("recordings", files().stream().map(Path::toString).toList());
  }

  /** The walk that a page names. */
  Walk of(Call call) {
    String name = Studio.parameter(call, "recording");
    Path file =
        files().stream()
            .filter(f -> f.toString().equals(name))
            .findFirst()
            .orElseThrow(
                () ->
                    new Problem(
                        404, Text.format("there is no recording '%s' here (any more)", name)));
    return walk(file);
  }

  /** A file that was replaced is opened anew. */
  private synchronized Walk walk(Path file) {
    FileState state =
        FileState.of(file).orElseThrow(() -> new Problem(404, file + " is not there any more"));
    return open.computeIfAbsent(state, s -> new Walk(Recording.open(file)));
  }

  private static List<Sample> samples(Split split) {
    return split.part(Split.Part.TRAIN).stream().limit(SAMPLES).toList();
  }

  /** Some training images of a run. */
  Map<String, Object> samples(String id) {
    Split split = RunFolder.splitOf(runs.of(id).folder());
    return Map.of(
        "classes",
        split.classes(),
        "samples",
        samples(split).stream()
            .map(s -> Map.of("id", s.id(), "class", split.classes().get(s.label())))
            .toList());
  }

  /** Records the next step of a run with a training image first. */
  Map<String, Object> record(String id, int sample) {
    Path run = runs.of(id).folder();
    Split split = RunFolder.splitOf(run);
    List<Sample> all = samples(split);
    if (sample < 0 || sample >= all.size()) {
      throw new Problem(404, Text.format("the run offers %s images", all.size()));
    }
    Sample first = all.get(sample);
    return record(run, split, first.file(), split.classes().get(first.label()));
  }

  /** Records the next step of a run with an image of the user's first. */
  Map<String, Object> record(String id, String label, String name, byte[] image) {
    Path run = runs.of(id).folder();
    String safe = name.replaceAll("[^A-Za-z0-9._-]", "_").replaceFirst("^\\.+", "");
    Path file = folder().resolve(safe.isEmpty() ? "image" : safe);
    try {
      Files.write(file, image);
      return record(run, RunFolder.splitOf(run), file, label);
    } catch (IOException e) {
      throw new UserError(
          Text.format("the image cannot be kept in %s: %s", file.getParent(), e), e);
    } finally {
      delete(file);
    }
  }

  private Map<String, Object> record(Path run, Split split, Path image, String label) {
    StepStart start = StepStart.ofRun(run).orElseGet(() -> StepStart.of(engine.model(run)));
    int batch = batch(start.graph(), start.preprocess().size());
    List<Sample> samples = new ArrayList<>();
    samples.add(new Sample(image, image.getFileName().toString(), start.classOf(label)));
    for (Sample other : samples(split)) {
      if (samples.size() < batch && !other.file().equals(image)) {
        int known = start.classOf(split.classes().get(other.label()));
        samples.add(new Sample(other.file(), other.id(), known));
      }
    }
    StepRecorder.Images images = start.images(samples);
    Path file = file();
    engine.compute(compute -> write(compute, start, images, file));
    return Map.of("recording", file.toString(), "images", samples.size());
  }

  private synchronized Path file() {
    return folder().resolve("step-" + ++number + EXTENSION);
  }

  /** Images that the deepest norm needs to have something to normalise. */
  private static int batch(Graph graph, int size) {
    int batch = 1;
    long least = Long.MAX_VALUE;
    List<Shape> shapes = graph.shapes(1, size, size);
    for (Node node : graph.nodes()) {
      if (node.op() instanceof Op.BatchNorm) {
        least = Math.min(least, shapes.get(node.index()).perChannel());
      }
    }
    while (batch < LARGEST_BATCH && batch * least < LEAST_PER_CHANNEL) {
      batch *= 2;
    }
    return batch;
  }

  private static double write(
      Compute compute, StepStart start, StepRecorder.Images images, Path file) {
    Graph graph = start.graph();
    StepRecorder.Options options =
        new StepRecorder.Options(
            Pass.TRAINING,
            start.optimizer(),
            start.frozen(),
            NodePatterns.matching(graph, List.of()),
            false,
            false,
            0,
            0);
    try (Model model = compute.model(graph);
        StepRecorder recorder = new StepRecorder(model, start.info(), images, options)) {
      start.state().into(model, recorder.optimizer());
      return recorder.write(file);
    }
  }

  /** An image of a recording's batch as PNG. */
  void image(Call call) {
    Walk walk = of(call);
    byte[] rgb = walk.image(Studio.number(call, "image"));
    try {
      call.send("image/png", Png.encode(new RgbImage(walk.size(), walk.size(), rgb).toBuffered()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UserError(Text.format("%s cannot be deleted: %s", file, e), e);
    }
  }

  @Override
  public synchronized void close() {
    open.values().forEach(Walk::close);
    if (folder == null) {
      return;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(Walks::delete);
    } catch (IOException e) {
      throw new UserError(Text.format("%s cannot be deleted: %s", folder, e), e);
    }
  }
}
