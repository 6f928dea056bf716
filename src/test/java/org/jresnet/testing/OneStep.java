package org.jresnet.testing;

import java.util.Locale;
import java.util.Random;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.gpu.CudnnOptions.Launch;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.models.Architecture;

/**
 * One training step of a network without the optimizer, call by call, for tools that watch every
 * kernel: {@code OneStep MODEL BACKEND PRECISION BATCH SIZE}.
 */
public final class OneStep {
  private OneStep() {}

  /** Prints the loss. */
  public static void main(String[] arguments) {
    System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "warn");
    Precision precision = Precision.of(arguments[2]);
    int batch = Integer.parseInt(arguments[3]);
    int size = Integer.parseInt(arguments[4]);
    byte[] pixels = new byte[batch * size * size * 3];
    new Random(1).nextBytes(pixels);
    int[] labels = new Random(2).ints(batch, 0, 1000).toArray();
    try (Backend backend = TestBackends.open(arguments[1], Launch.CALLS);
        Model model = new Model(Architecture.of(arguments[0]).graph(1000), backend, precision)) {
      model.initialize(1, Model.BlockEnd.ONE);
      try (Executable step =
          Executable.compile(model, CompileOptions.training(batch, size, Fixture.NORMALIZATION))) {
        double loss = step.step(pixels, labels);
        System.out.printf(Locale.ROOT, "loss %.6f%n", loss);
        if (!Double.isFinite(loss)) {
          System.exit(1);
        }
      }
    }
  }
}
