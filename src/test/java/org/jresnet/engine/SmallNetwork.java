package org.jresnet.engine;

import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.graph.Graph;
import org.jresnet.models.Architecture;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.SeededWeights;

/** A narrow ResNet-18 with seeded weights, and a batch of images for it. */
final class SmallNetwork {
  static final Graph GRAPH = Architecture.of("resnet18").graph(3, 8);
  static final byte[] PIXELS = new SeededWeights(5).pixels(4, 32, 32);
  static final int[] LABELS = {0, 2, 1, 2};
  static final CompileOptions TRAINING = CompileOptions.training(4, 32, Fixture.NORMALIZATION);
  static final CompileOptions INFERENCE = CompileOptions.inference(4, 32, Fixture.NORMALIZATION);

  private SmallNetwork() {}

  static Model seeded(Backend backend, Precision precision) {
    Model model = new Model(GRAPH, backend, precision);
    new SeededWeights(3).into(model);
    return model;
  }
}
