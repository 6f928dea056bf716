package org.jresnet.inspect.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jresnet.base.Text;
import org.jresnet.engine.Executable;
import org.jresnet.graph.ResidualBlock;

/**
 * Linear centred kernel alignment between the outputs of all blocks: 1 where they hold the same up
 * to rotation and scale, 0 where they have nothing in common.
 */
final class BlockSimilarity implements Experiment {
  private static final int BATCH = 8;
  private static final int IMAGES = 32;

  @Override
  public String id() {
    return "similarity";
  }

  @Override
  public String summary() {
    return "Linear CKA between the outputs of all blocks: which of them hold the same?";
  }

  @Override
  public String paper() {
    return "Kornblith et al. 2019, arXiv:1905.00414";
  }

  @Override
  public Result run(LabContext lab) {
    List<ResidualBlock> blocks = lab.blocks();
    Images images = lab.images().first(IMAGES);
    int batch = lab.batch(BATCH);
    List<double[][]> kernels = new ArrayList<>();
    Set<String> exits = blocks.stream().map(b -> b.exit().name()).collect(Collectors.toSet());
    try (Executable executable =
        Executable.compile(lab.classifier().model(), lab.inference(batch).withTaps(exits))) {
      // One block at a time, since the outputs of all of them do not fit into memory.
      for (ResidualBlock block : blocks) {
        lab.step(Text.format("output of %s", block.name()));
        List<float[]> outputs = new ArrayList<>();
        for (int at = 0; at < images.count(); at += batch) {
          executable.infer(images.batch(at, batch));
          float[] all = executable.tap(block.exit().name());
          int values = all.length / batch;
          for (int i = 0; i < Math.min(batch, images.count() - at); i++) {
            outputs.add(java.util.Arrays.copyOfRange(all, i * values, (i + 1) * values));
          }
        }
        kernels.add(centred(kernel(outputs)));
      }
    }
    double[][] similarity = new double[kernels.size()][kernels.size()];
    List<List<Object>> rows = new ArrayList<>();
    double neighbours = 0;
    for (int i = 0; i < similarity.length; i++) {
      for (int j = 0; j < similarity.length; j++) {
        similarity[i][j] = alignment(kernels.get(i), kernels.get(j));
        rows.add(List.of(blocks.get(i).name(), blocks.get(j).name(), similarity[i][j]));
        neighbours += j == i + 1 ? similarity[i][j] / (similarity.length - 1) : 0;
      }
    }
    int last = similarity.length - 1;
    return new Result(
        Text.format(
            "Neighbouring blocks have a mean CKA of %.2f, the first and the last %.2f",
            neighbours, similarity[0][last]),
        List.of("first", "second", "cka"),
        rows,
        List.of(
            new Panel.Heat(
                "Linear CKA between block outputs",
                blocks.stream().map(ResidualBlock::name).toList(),
                similarity)));
  }

  static double[][] kernel(List<float[]> outputs) {
    double[][] kernel = new double[outputs.size()][outputs.size()];
    for (int i = 0; i < kernel.length; i++) {
      for (int j = 0; j <= i; j++) {
        kernel[i][j] = Vectors.dot(outputs.get(i), outputs.get(j));
        kernel[j][i] = kernel[i][j];
      }
    }
    return kernel;
  }

  /** {@code HKH} with {@code H = I − 1/n}: means of rows and columns are taken off. */
  static double[][] centred(double[][] kernel) {
    int n = kernel.length;
    double[] means = new double[n];
    double mean = 0;
    for (int i = 0; i < n; i++) {
      for (double value : kernel[i]) {
        means[i] += value / n;
      }
      mean += means[i] / n;
    }
    double[][] centred = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        centred[i][j] = kernel[i][j] - means[i] - means[j] + mean;
      }
    }
    return centred;
  }

  /** {@code ⟨K, L⟩ / (‖K‖·‖L‖)} of two centred kernels. */
  static double alignment(double[][] k, double[][] l) {
    double kl = 0;
    double kk = 0;
    double ll = 0;
    for (int i = 0; i < k.length; i++) {
      for (int j = 0; j < k.length; j++) {
        kl += k[i][j] * l[i][j];
        kk += k[i][j] * k[i][j];
        ll += l[i][j] * l[i][j];
      }
    }
    return kk * ll == 0 ? 0 : kl / Math.sqrt(kk * ll);
  }
}
