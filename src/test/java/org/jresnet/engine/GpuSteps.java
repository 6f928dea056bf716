package org.jresnet.engine;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Tuning;
import org.jresnet.backend.UpdateRule;
import org.jresnet.backend.cpu.CpuOptions;
import org.jresnet.backend.gpu.CudnnOptions;
import org.jresnet.graph.Graph;
import org.jresnet.models.Architecture;
import org.jresnet.testing.Fixture;
import org.jresnet.testing.SimulatedGpu;
import org.jresnet.testing.TestBackends;

/** Trainings of a few steps on a GPU, for the tests of its steps. */
final class GpuSteps {
  static final Graph GRAPH = Architecture.of("resnet50").graph(10, 16);
  static final Images IMAGES = new Images(8, 64);

  private GpuSteps() {}

  /** A batch. */
  record Images(int count, int size) {
    CompileOptions training() {
      return CompileOptions.training(count, size, Fixture.NORMALIZATION);
    }

    byte[] pixels(Random random) {
      byte[] pixels = new byte[count * size * size * 3];
      random.nextBytes(pixels);
      return pixels;
    }
  }

  /** What a few steps leave behind. */
  record Trace(List<Double> losses, List<Double> norms, float[] parameters) {}

  /** When the next batch is copied in. */
  enum Copy {
    /** When its step begins. */
    IN_TURN,
    /** While the device may be anywhere in the step before. */
    AHEAD
  }

  static Trace train(Backend backend, Precision precision, int steps, double factor) {
    return train(backend, precision, steps, factor, IMAGES, Copy.IN_TURN);
  }

  static Trace train(
      Backend backend, Precision precision, int steps, double factor, Images images, Copy copy) {
    Random random = new Random(3);
    List<Double> losses = new ArrayList<>();
    List<Double> norms = new ArrayList<>();
    try (Model model = new Model(GRAPH, backend, precision)) {
      model.initialize(5, Model.BlockEnd.ONE);
      try (Executable step = Executable.compile(model, images.training());
          OptimizerState adam =
              new OptimizerState(model, new UpdateRule.Adam(0.9, 0.999, 1e-8, 0), Set.of())) {
        model.setGradientScale(factor);
        byte[] pixels = images.pixels(random);
        for (int i = 0; i < steps; i++) {
          int[] labels = random.ints(images.count, 0, 10).toArray();
          losses.add(step.step(pixels, labels));
          byte[] following = images.pixels(random);
          if (copy == Copy.AHEAD) {
            step.prefetch(following);
          }
          pixels = following;
          norms.add(adam.gradientNorm() / factor);
          adam.step(1e-3, 1 / factor);
        }
        return new Trace(losses, norms, model.parameters().toFloats());
      }
    }
  }

  static Backend open(CudnnOptions.Launch launch) {
    return open(launch, 1, CudnnOptions.Fusion.AUTO);
  }

  static Backend open(CudnnOptions.Launch launch, int streams, CudnnOptions.Fusion fusion) {
    TestBackends.open("gpu").close();
    CudnnOptions o = TestBackends.gpu();
    return Backends.open(
        BackendKind.GPU,
        new BackendSettings(
            CpuOptions.defaults(),
            new CudnnOptions(
                o.device(),
                o.libraries(),
                o.workspaceBytes(),
                o.tuning(),
                o.results(),
                launch,
                streams,
                fusion,
                o.cache())));
  }

  /** With nothing in its cache. */
  static Backend openAnew(Tuning tuning, Path folder) {
    TestBackends.open("gpu").close();
    CudnnOptions o = TestBackends.gpu(tuning);
    CudnnOptions options =
        new CudnnOptions(
            o.device(),
            o.libraries(),
            o.workspaceBytes(),
            tuning,
            o.results(),
            o.launch(),
            o.streams(),
            o.fusion(),
            folder);
    return Backends.open(BackendKind.GPU, new BackendSettings(CpuOptions.defaults(), options));
  }

  /** Skips the test on a true GPU, which does no such thing. */
  static void assumeSimulated(String what) {
    assumeTrue(Boolean.getBoolean("jresnet.test.simulated"), "only the simulated GPU " + what);
  }

  /** What only the simulated GPU knows or does, see its cudaDeviceGetAttribute. */
  static int simulated(int notOfCuda) {
    return SimulatedGpu.ask(notOfCuda, 0);
  }
}
