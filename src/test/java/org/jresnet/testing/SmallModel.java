package org.jresnet.testing;

import java.nio.file.Path;
import java.util.List;
import org.jresnet.backend.Precision;
import org.jresnet.data.Preprocess;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Model;
import org.jresnet.models.Architecture;
import org.jresnet.train.ModelFiles;

/** A model file of a narrow network with seeded weights. */
public final class SmallModel {
  /** Its classes. */
  public static final List<String> CLASSES = List.of("camera", "generated");

  private SmallModel() {}

  /** Writes it for images of {@code size}²; another seed makes another model. */
  public static Path write(Path file, int size, long seed) {
    Architecture network = Architecture.of("resnet18");
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32);
        Model model = compute.model(network.graph(CLASSES.size(), 8))) {
      new SeededWeights(seed).into(model);
      Preprocess preprocess = new Preprocess(size, Preprocess.Mode.STRETCH);
      ModelFiles.save(model, ModelFiles.info(network, 8, CLASSES, preprocess), file);
    }
    return file;
  }
}
