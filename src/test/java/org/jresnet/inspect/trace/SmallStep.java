package org.jresnet.inspect.trace;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.data.Preprocess;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.inspect.NodePatterns;
import org.jresnet.inspect.StepRecorder;
import org.jresnet.models.Architecture;
import org.jresnet.testing.SeededWeights;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.TrainOptions.OptimizerOptions;
import org.jresnet.weights.ModelInfo;

/** Recordings of two images of noise by a narrow network, in fp32 on the CPU. */
public final class SmallStep {
  public static final List<String> CLASSES = List.of("camera", "generated");
  static final int SIZE = 64;
  static final int WIDTH = 4;

  private SmallStep() {}

  static OptimizerOptions optimizer(OptimizerOptions.Kind kind) {
    return new OptimizerOptions(kind, 1e-3, 0.9, 0.999, 1e-8, 0.9, 0.01);
  }

  /** Records the fourth step of the network; Adam's moments were not zero before. */
  public static Path write(Path file, String architecture) {
    return write(
        file, architecture, Pass.TRAINING, optimizer(OptimizerOptions.Kind.ADAM), Set.of());
  }

  static Path write(
      Path file, String architecture, Pass pass, OptimizerOptions optimizer, Set<String> frozen) {
    Architecture network = Architecture.of(architecture);
    Graph graph = network.graph(CLASSES.size(), WIDTH);
    ModelInfo info =
        ModelFiles.info(network, WIDTH, CLASSES, new Preprocess(SIZE, Preprocess.Mode.STRETCH));
    byte[] pixels = new byte[2 * SIZE * SIZE * 3];
    new Random(3).nextBytes(pixels);
    StepRecorder.Images images =
        new StepRecorder.Images(pixels, SIZE, List.of("a.png", "b.png"), new int[] {1, 0});
    StepRecorder.Options options =
        new StepRecorder.Options(
            pass, optimizer, frozen, NodePatterns.matching(graph, List.of()), false, false, 11, 0);
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Model model = compute.model(graph);
        StepRecorder recorder = new StepRecorder(model, info, images, options)) {
      new SeededWeights(5).into(model);
      if (pass == Pass.TRAINING) {
        recorder.optimizer().setSteps(3);
        graph.parameters().stream()
            .filter(p -> p.role().trainable() && !frozen.contains(p.name()))
            .forEach(
                p -> {
                  for (int i = 0; i < recorder.optimizer().rule().states(); i++) {
                    float[] state = new float[p.elements()];
                    Arrays.fill(state, i == 0 ? 1e-3f : 1e-4f);
                    recorder.optimizer().state(i, p.name()).set(state);
                  }
                });
      }
      recorder.write(file);
    }
    return file;
  }
}
