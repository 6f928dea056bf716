package org.jresnet.check;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.jresnet.base.UserError;
import org.jresnet.graph.Shape;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;

/**
 * What {@code tools/taps_torch.py} writes: a batch, and what PyTorch computes of it.
 *
 * @param images extents of the batch
 * @param pixels unsigned bytes, NHWC
 * @param labels one per image
 * @param tensors what PyTorch computed
 * @param model name of the network
 * @param classes number of logits
 */
public record TapFile(
    Shape images, byte[] pixels, int[] labels, StepTensors tensors, String model, int classes) {
  /**
   * Reads a file.
   *
   * @throws UserError when it lacks something, naming it
   */
  public static TapFile read(Path file) {
    StateDict dict = WeightFiles.read(file);
    HostTensor pixels = require(file, dict, "pixels");
    HostTensor labels = require(file, dict, "labels");
    int[] extents = pixels.shape().stream().mapToInt(Math::toIntExact).toArray();
    if (extents.length != 4) {
      throw new UserError(file + ": pixels have 4 extents n, h, w, c, found " + pixels.shape());
    }
    byte[] bytes = new byte[pixels.elements()];
    pixels.data().get(bytes);
    float[] numbers = labels.toFloats();
    StepTensors tensors =
        new StepTensors(
            below(dict, "output/"),
            below(dict, "gradient/"),
            below(dict, "parameter/"),
            below(dict, "statistic/"));
    if (tensors.outputs().isEmpty()) {
      throw new UserError(file + " has no output/<node>; make it with tools/taps_torch.py");
    }
    return new TapFile(
        new Shape(extents[0], extents[1], extents[2], extents[3]),
        bytes,
        IntStream.range(0, numbers.length).map(i -> (int) numbers[i]).toArray(),
        tensors,
        require(file, dict.metadata(), "model"),
        Integer.parseInt(require(file, dict.metadata(), "classes")));
  }

  private static HostTensor require(Path file, StateDict dict, String name) {
    return require(file, dict.tensors(), name);
  }

  private static <T> T require(Path file, Map<String, T> map, String name) {
    T value = map.get(name);
    if (value == null) {
      throw new UserError(file + " has no '" + name + "'; make it with tools/taps_torch.py");
    }
    return value;
  }

  private static Map<String, float[]> below(StateDict dict, String prefix) {
    Map<String, float[]> found = new LinkedHashMap<>();
    dict.tensors()
        .forEach(
            (key, tensor) -> {
              if (key.startsWith(prefix)) {
                found.put(key.substring(prefix.length()), tensor.toFloats());
              }
            });
    return found;
  }
}
