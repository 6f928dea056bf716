package org.jresnet.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Tuning;
import org.jresnet.backend.gpu.CudnnOptions.Launch;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.graph.Parameter;
import org.jresnet.models.Architecture;
import org.jresnet.weights.WeightFiles;

/**
 * One training step at full size against PyTorch's, from the same weights on the same images:
 * {@code RealStep FOLDER BACKEND}, with what {@code tools/gpu_torch.py step} has written. PyTorch
 * computed it in single precision, which is taken as true, and once more in each precision: what
 * its own roundings do there is the measure of what ours may.
 */
public final class RealStep {
  /**
   * Ours to PyTorch's distance from the truth, of all gradients together. Two computations that
   * round independently are equally far away, give or take little, because millions of numbers
   * average out.
   */
  private static final double WHOLE = 1.5;

  /** The same of one tensor, of which some have only 64 numbers. Seen on a CPU: 1.2 times. */
  private static final double TENSOR = 2;

  /** Where PyTorch happens to be almost exact: a share of the tensor's length. */
  private static final double FLOOR = 2e-3;

  /** A way of computing the step. */
  private record Variant(String name, Precision precision, Tuning tuning, Launch launch) {}

  /** What a step leaves behind, by name: gradients, running statistics after it, and the loss. */
  private record Step(Map<String, float[]> tensors) {
    static Step read(Path file) {
      Map<String, float[]> tensors = new TreeMap<>();
      WeightFiles.read(file)
          .tensors()
          .forEach((name, tensor) -> tensors.put(name, tensor.toFloats()));
      return new Step(tensors);
    }

    /** Squared distances and lengths of the tensors of both. */
    Map<String, double[]> from(Step truth) {
      Map<String, double[]> all = new LinkedHashMap<>();
      truth.tensors.forEach(
          (name, expected) -> {
            float[] found = tensors.get(name);
            double[] sums = new double[2];
            for (int i = 0; i < expected.length; i++) {
              double difference = (double) found[i] - expected[i];
              sums[0] += difference * difference;
              sums[1] += (double) expected[i] * expected[i];
            }
            all.put(name, sums);
          });
      return all;
    }
  }

  private final Path folder;
  private final int batch;
  private final int size;
  private final byte[] pixels;
  private final int[] labels;

  private RealStep(Path folder) throws java.io.IOException {
    this.folder = folder;
    String[] shape = Files.readString(folder.resolve("shape.txt")).strip().split(" ");
    batch = Integer.parseInt(shape[0]);
    size = Integer.parseInt(shape[1]);
    pixels = Files.readAllBytes(folder.resolve("pixels.bin"));
    labels =
        Arrays.stream(Files.readString(folder.resolve("labels.txt")).strip().split(" "))
            .mapToInt(Integer::parseInt)
            .toArray();
  }

  /**
   * Prints a line per way of computing, and the worst tensor of each; ends with 1 if one is off.
   */
  public static void main(String[] arguments) throws Exception {
    System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "warn");
    RealStep real = new RealStep(Path.of(arguments[0]));
    String backend = arguments[1];
    List<Variant> variants =
        backend.equals("gpu")
            ? List.of(
                new Variant("tf32", Precision.TF32, Tuning.HEURISTIC, Launch.GRAPH),
                new Variant("bf16", Precision.BF16, Tuning.HEURISTIC, Launch.GRAPH),
                new Variant("bf16, call by call", Precision.BF16, Tuning.HEURISTIC, Launch.CALLS),
                new Variant("bf16, other engines", Precision.BF16, Tuning.OFF, Launch.GRAPH))
            : List.of(new Variant("bf16", Precision.BF16, Tuning.OFF, Launch.GRAPH));
    Step truth = Step.read(real.folder.resolve("torch-fp32.pth"));
    int off = 0;
    for (Variant variant : variants) {
      Step theirs = Step.read(real.folder.resolve("torch-" + variant.precision.id() + ".pth"));
      off += compare(variant, real.run(backend, variant), theirs, truth) ? 0 : 1;
    }
    System.out.printf(
        Locale.ROOT,
        "%d of %d ways to compute the step agree with PyTorch (%d images of %dx%d)%n",
        variants.size() - off,
        variants.size(),
        real.batch,
        real.size,
        real.size);
    System.exit(off == 0 ? 0 : 1);
  }

  private Step run(String name, Variant variant) {
    Map<String, float[]> tensors = new TreeMap<>();
    try (Backend backend = TestBackends.open(name, variant.launch, variant.tuning);
        Model model =
            new Model(Architecture.of("resnet50").graph(1000), backend, variant.precision)) {
      LossCurve.read(WeightFiles.read(folder.resolve("weights.pth")), model);
      try (Executable step =
          Executable.compile(model, CompileOptions.training(batch, size, Fixture.NORMALIZATION))) {
        tensors.put("loss", new float[] {(float) step.step(pixels, labels)});
        for (Parameter p : model.graph().parameters()) {
          if (p.role().trainable()) {
            tensors.put(p.name(), model.gradient(p.name()).toFloats());
          } else if (p.role().isStatistic()) {
            tensors.put(p.name(), model.get(p.name()));
          }
        }
      }
    }
    return new Step(tensors);
  }

  private static boolean compare(Variant variant, Step ours, Step theirs, Step truth) {
    Map<String, double[]> our = ours.from(truth);
    Map<String, double[]> their = theirs.from(truth);
    String worst = "";
    double most = 0;
    for (String name : our.keySet()) {
      double floor = FLOOR * Math.sqrt(their.get(name)[1]);
      double bound = TENSOR * Math.max(Math.sqrt(their.get(name)[0]), floor);
      double share = Math.sqrt(our.get(name)[0]) / bound;
      // Not a number is worse than any.
      if (!(share <= most)) {
        most = share;
        worst = name;
      }
    }
    double whole = relative(our);
    double expected = relative(their);
    boolean ok = whole <= WHOLE * Math.max(expected, FLOOR) && most <= 1;
    System.out.printf(
        Locale.ROOT,
        "%-20s %s  loss %.6f (PyTorch %.6f, fp32 %.6f)  gradients and statistics %.2e off (PyTorch"
            + " %.2e, allowed %.2e)  worst %s %.2e off (PyTorch %.2e): %.0f %% of its bound%n",
        variant.name,
        ok ? "ok " : "OFF",
        ours.tensors.get("loss")[0],
        theirs.tensors.get("loss")[0],
        truth.tensors.get("loss")[0],
        whole,
        expected,
        WHOLE * Math.max(expected, FLOOR),
        worst,
        Math.sqrt(our.get(worst)[0] / our.get(worst)[1]),
        Math.sqrt(their.get(worst)[0] / their.get(worst)[1]),
        100 * most);
    return ok;
  }

  /** Root mean square over the tensors of their relative distances, so that none outweighs all. */
  private static double relative(Map<String, double[]> sums) {
    return Math.sqrt(
        sums.values().stream().mapToDouble(s -> s[0] / s[1]).average().orElse(Double.NaN));
  }
}
