package org.jresnet.inspect.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.Text;
import org.jresnet.engine.Executable;
import org.jresnet.graph.Graph;
import org.jresnet.graph.ResidualBlock;
import org.jresnet.graph.Shape;
import org.jresnet.inspect.SingularValues;

/**
 * What a block adds to what it got: direction and size of the branch against the shortcut, how many
 * directions the block's output spans, and how much its branch can stretch a small change.
 */
final class BlockWork implements Experiment {
  private static final int BATCH = 8;
  private static final int IMAGES = 32;

  /** Places of the output whose channels are looked at. */
  private static final int PLACES = 512;

  @Override
  public String id() {
    return "blocks";
  }

  @Override
  public String summary() {
    return "Cosine and size of branch against shortcut, effective rank of the output, Lipschitz estimate of the branch";
  }

  @Override
  public String paper() {
    return "Greff et al. 2017, arXiv:1612.07771; Roy and Vetterli 2007 (effective rank); Miyato et al. 2018, arXiv:1802.05957";
  }

  @Override
  public Result run(LabContext lab) {
    List<ResidualBlock> blocks = lab.blocks();
    Images images = lab.images().first(IMAGES);
    int batch = lab.batch(BATCH);
    double[] cosine = new double[blocks.size()];
    double[] size = new double[blocks.size()];
    double[] rank = new double[blocks.size()];
    lab.step("outputs of branches, shortcuts and blocks");
    Graph graph = lab.graph();
    List<Shape> shapes =
        graph.shapes(
            batch, lab.classifier().preprocess().size(), lab.classifier().preprocess().size());
    try (Executable executable =
        Executable.compile(
            lab.classifier().model(), lab.inference(batch).withTaps(tapped(graph, blocks)))) {
      List<List<float[]>> outputs = new ArrayList<>();
      blocks.forEach(block -> outputs.add(new ArrayList<>()));
      for (int at = 0; at < images.count(); at += batch) {
        executable.infer(images.batch(at, batch));
        int count = Math.min(batch, images.count() - at);
        for (int b = 0; b < blocks.size(); b++) {
          ResidualBlock block = blocks.get(b);
          float[] f = executable.tap(input(graph, block, 0));
          float[] x = executable.tap(input(graph, block, 1));
          int values = f.length / batch;
          for (int i = 0; i < count; i++) {
            double ff = Vectors.dot(f, f, i * values, values);
            double xx = Vectors.dot(x, x, i * values, values);
            double fx = Vectors.dot(f, x, i * values, values);
            cosine[b] += (ff * xx == 0 ? 0 : fx / Math.sqrt(ff * xx)) / images.count();
            size[b] += (xx == 0 ? 0 : Math.sqrt(ff / xx)) / images.count();
          }
          Shape shape = shapes.get(block.exit().index());
          drawPlaces(lab, executable.tap(block.exit().name()), shape, at, count, outputs.get(b));
        }
      }
      for (int b = 0; b < blocks.size(); b++) {
        rank[b] = effectiveRank(outputs.get(b));
      }
    }
    List<Optional<BranchStretch.Estimate>> stretch = new BranchStretch(lab).of(blocks);
    return result(blocks, new Measures(cosine, size, rank, stretch), shapes);
  }

  private record Measures(
      double[] cosine,
      double[] size,
      double[] rank,
      List<Optional<BranchStretch.Estimate>> stretch) {}

  private static Result result(List<ResidualBlock> blocks, Measures m, List<Shape> shapes) {
    List<List<Object>> rows = new ArrayList<>();
    int largest = 0;
    for (int b = 0; b < blocks.size(); b++) {
      rows.add(
          List.of(
              blocks.get(b).name(),
              m.cosine[b],
              m.size[b],
              m.rank[b],
              shapes.get(blocks.get(b).exit().index()).c(),
              m.stretch.get(b).<Object>map(BranchStretch.Estimate::mean).orElse(""),
              m.stretch.get(b).<Object>map(BranchStretch.Estimate::largest).orElse("")));
      largest = m.size[b] > m.size[largest] ? b : largest;
    }
    List<String> names = blocks.stream().map(ResidualBlock::name).toList();
    double[] lipschitz = new double[blocks.size()];
    for (int b = 0; b < lipschitz.length; b++) {
      lipschitz[b] = m.stretch.get(b).map(BranchStretch.Estimate::mean).orElse(0.0);
    }
    return new Result(
        Text.format(
            "The branch of %s is largest beside its shortcut: %.2f times its norm",
            names.get(largest), m.size[largest]),
        List.of(
            "block",
            "cosine",
            "relative size",
            "effective rank",
            "channels",
            "stretch",
            "largest stretch"),
        rows,
        List.of(
            new Panel.Bars(
                "Branch beside shortcut",
                names,
                "cosine; norm relative to the shortcut's",
                List.of(
                    new Panel.Series("cosine", new double[0], m.cosine),
                    new Panel.Series("relative size", new double[0], m.size))),
            new Panel.Bars(
                "Directions that a block's output spans",
                names,
                "effective rank",
                List.of(new Panel.Series("effective rank", new double[0], m.rank))),
            new Panel.Bars(
                "How much a branch stretches a small change at most",
                names,
                "largest singular value",
                List.of(new Panel.Series("stretch", new double[0], lipschitz)))));
  }

  private static Set<String> tapped(Graph graph, List<ResidualBlock> blocks) {
    Set<String> nodes = new TreeSet<>();
    for (ResidualBlock block : blocks) {
      nodes.add(input(graph, block, 0));
      nodes.add(input(graph, block, 1));
      nodes.add(block.exit().name());
    }
    return nodes;
  }

  private static String input(Graph graph, ResidualBlock block, int i) {
    return graph.nodes().get(block.addition().inputs().get(i)).name();
  }

  /** Adds the channels of some places of each image. */
  private static void drawPlaces(
      LabContext lab, float[] output, Shape shape, int at, int count, List<float[]> to) {
    int places = shape.h() * shape.w();
    int each = Math.max(1, PLACES / Math.min(IMAGES, lab.images().count()));
    for (int i = 0; i < count; i++) {
      int[] order = RandomStreams.permutation(places, lab.random("places", at + i, places));
      for (int p = 0; p < Math.min(each, places); p++) {
        float[] channels = new float[shape.c()];
        System.arraycopy(output, (i * places + order[p]) * shape.c(), channels, 0, channels.length);
        to.add(channels);
      }
    }
  }

  /**
   * Exponential of the entropy of the singular values as shares of their sum; the mean is taken off
   * first.
   */
  static double effectiveRank(List<float[]> rows) {
    int columns = rows.get(0).length;
    double[] mean = new double[columns];
    for (float[] row : rows) {
      for (int c = 0; c < columns; c++) {
        mean[c] += (double) row[c] / rows.size();
      }
    }
    float[] matrix = new float[rows.size() * columns];
    for (int r = 0; r < rows.size(); r++) {
      for (int c = 0; c < columns; c++) {
        matrix[r * columns + c] = (float) (rows.get(r)[c] - mean[c]);
      }
    }
    float[] values = SingularValues.of(matrix, rows.size(), columns);
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    double entropy = 0;
    for (float value : values) {
      double share = value / sum;
      entropy -= share > 0 ? share * Math.log(share) : 0;
    }
    return Math.exp(entropy);
  }
}
