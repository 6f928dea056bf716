package org.jresnet.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.UpdateRule;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;
import org.jresnet.models.Architecture;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;

/**
 * Repeats the training that {@code tools/gpu_torch.py curve} has done, from the same weights on the
 * same images, and prints the losses: {@code LossCurve FOLDER BACKEND PRECISION}.
 */
public final class LossCurve {
  private LossCurve() {}

  /** Prints one loss per line. */
  public static void main(String[] arguments) throws Exception {
    System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "warn");
    Path folder = Path.of(arguments[0]);
    Precision precision = Precision.of(arguments[2]);
    String[] shape = Files.readString(folder.resolve("shape.txt")).strip().split(" ");
    int steps = Integer.parseInt(shape[0]);
    int batch = Integer.parseInt(shape[1]);
    int size = Integer.parseInt(shape[2]);
    int classes = Integer.parseInt(shape[3]);
    double rate = Double.parseDouble(shape[4]);
    byte[] pixels = Files.readAllBytes(folder.resolve("pixels.bin"));
    int[] labels =
        Arrays.stream(Files.readString(folder.resolve("labels.txt")).strip().split(" "))
            .mapToInt(Integer::parseInt)
            .toArray();
    Graph graph = Architecture.of("resnet50").graph(classes);
    // Half precision with a fixed scale that suits these few steps.
    double scale = precision == Precision.FP16 ? 1024 : 1;
    try (Backend backend = TestBackends.open(arguments[1]);
        Model model = new Model(graph, backend, precision)) {
      read(WeightFiles.read(folder.resolve("weights.pth")), model);
      try (Executable step =
              Executable.compile(
                  model, CompileOptions.training(batch, size, Fixture.NORMALIZATION));
          OptimizerState sgd = new OptimizerState(model, new UpdateRule.Sgd(0.9, 0), Set.of())) {
        model.setGradientScale(scale);
        int bytes = batch * size * size * 3;
        for (int i = 0; i < steps; i++) {
          double loss =
              step.step(
                  Arrays.copyOfRange(pixels, i * bytes, (i + 1) * bytes),
                  Arrays.copyOfRange(labels, i * batch, (i + 1) * batch));
          sgd.step(rate, 1 / scale);
          System.out.printf(Locale.ROOT, "%.6f%n", loss);
        }
      }
    }
  }

  /** Sets all parameters and statistics. */
  static void read(StateDict dict, Model model) {
    for (Parameter p : model.graph().parameters()) {
      HostTensor tensor =
          Optional.ofNullable(dict.tensors().get(p.name()))
              .orElseThrow(() -> new IllegalArgumentException("no " + p.name()));
      if (p.role() == Parameter.Role.BATCHES_TRACKED) {
        model.setBatchesTracked(p.name(), tensor.toLong());
      } else {
        model.set(p.name(), tensor.toFloats());
      }
    }
  }
}
