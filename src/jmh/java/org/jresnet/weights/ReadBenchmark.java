package org.jresnet.weights;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jresnet.HostBenchmark;
import org.jresnet.graph.Parameter;
import org.jresnet.models.Architecture;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * Reads the weights of a ResNet-18, 46.8 MB in 122 tensors, from a file in the page cache.
 *
 * <p>Floor: 46.8 MB copied once from the page cache to the heap; the {@code .pth} file is unpickled
 * and its checksums are computed on top.
 */
public class ReadBenchmark extends HostBenchmark {
  /** Extension of the file, which says what the writer makes. */
  @Param({"safetensors", "pth"})
  public String format;

  private Path file;

  /** Writes the file; names, order, shapes, types and every bit must come back. */
  @Setup
  public void write() throws IOException {
    StateDict written = draw();
    Path folder = Files.createTempDirectory("jresnet-benchmark");
    file = folder.resolve("resnet18." + format);
    // In reverse order, and after a failed check, too.
    folder.toFile().deleteOnExit();
    file.toFile().deleteOnExit();
    WeightFiles.write(file, written);
    StateDict found = read();
    require(
        "tensors", List.copyOf(written.tensors().keySet()), List.copyOf(found.tensors().keySet()));
    // Tensors are equal if type, shape and bytes are.
    written
        .tensors()
        .forEach(
            (name, tensor) ->
                require(name + " unchanged", true, tensor.equals(found.tensors().get(name))));
  }

  private static StateDict draw() {
    SplittableRandom random = new SplittableRandom(1);
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    for (Parameter p : Architecture.of("resnet18").graph(1000).parameters()) {
      List<Long> shape = p.shape().stream().map(Integer::longValue).toList();
      if (p.role() == Parameter.Role.BATCHES_TRACKED) {
        tensors.put(p.name(), HostTensor.ofLongs(shape, 7));
      } else {
        float[] values = new float[p.elements()];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) random.nextDouble();
        }
        tensors.put(p.name(), HostTensor.ofFloats(shape, values));
      }
    }
    return new StateDict(tensors, Map.of());
  }

  /** Reads the whole file. */
  @Benchmark
  public StateDict read() {
    return WeightFiles.read(file);
  }
}
