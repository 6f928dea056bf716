package org.jresnet.backend;

import java.util.Random;
import org.jresnet.HostBenchmark;
import org.jresnet.backend.cpu.CpuBackend;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;
import org.jresnet.models.Architecture;
import org.jresnet.train.ModelFiles;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Normalises a batch of 32 images of 224x224 into the network's input, on all cores.
 *
 * <p>Floor: 4.8 MB of pixels read and 19.3 MB (F32) or 9.6 MB (BF16) written; short of that, a
 * table look-up for each of the 4.8 million samples.
 */
public class InputBenchmark extends HostBenchmark {
  private static final Shape SHAPE = new Shape(32, 224, 224, 3);

  /** Type of the input. */
  @Param({"F32", "BF16"})
  public DType type;

  private Backend backend;
  private Buffer memory;
  private InputOp input;
  private byte[] pixels;

  /** Binds the op; every value must be the formula's, computed in double precision. */
  @Setup
  public void bind() {
    pixels = new byte[Math.toIntExact(SHAPE.elements())];
    new Random(1).nextBytes(pixels);
    backend = new CpuBackend();
    memory = backend.allocate("a benchmark", SHAPE.elements() * type.bytes());
    Tensor y = new Tensor(memory, 0, type, SHAPE.elements());
    Normalization normalization = ModelFiles.normalization(Architecture.of(Architecture.DEFAULT));
    input = backend.input(SHAPE, normalization, y);
    load();
    float[] found = y.toFloats();
    // Half a unit in the last place of the largest value (2.6), and float's rounding of the rest.
    double tolerance = type == DType.F32 ? 1e-6 : 0x1p-7 + 1e-6;
    for (int i = 0; i < found.length; i++) {
      double pixel = Byte.toUnsignedInt(pixels[i]) / 255.0;
      double expected = (pixel - normalization.mean().get(i % 3)) / normalization.std().get(i % 3);
      require("input " + i, expected, found[i], tolerance);
    }
  }

  /** Gives the memory back. */
  @TearDown
  public void close() {
    input.close();
    memory.close();
    backend.close();
  }

  /** Normalises. */
  @Benchmark
  public void load() {
    input.load(pixels);
    input.run();
  }
}
