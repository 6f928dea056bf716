package org.jresnet.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.data.Sample;
import org.jresnet.data.Split.Part;
import org.jresnet.train.SeenImages;

/** Says which of the images that are evaluated are not new to a model. */
final class SeenWarning {
  private SeenWarning() {}

  /**
   * Warns of images that a model was trained on, that chose its epoch, or that are the sealed test
   * set of its run.
   *
   * @param threads that read files
   * @return {@code images_of_train, images_of_val, images_of_test} with their counts
   */
  static Map<String, Integer> of(Path model, List<Sample> samples, int threads) {
    Map<Part, Integer> seen = SeenImages.count(model, samples, threads);
    int trained = seen.getOrDefault(Part.TRAIN, 0);
    int chosen = seen.getOrDefault(Part.VAL, 0);
    int sealed = seen.getOrDefault(Part.TEST, 0);
    if (trained + chosen > 0) {
      Console.printError(
          "WARNING: the model was trained on %d of these %d images, and %d more chose its best epoch: this result does"
              + " not say how it does on new images",
          trained, samples.size(), chosen);
    }
    if (sealed > 0) {
      Console.printError(
          "WARNING: %d of these %d images are the sealed test set of the run; evaluate --test opens it and counts that,"
              + " this command does not",
          sealed, samples.size());
    }
    Map<String, Integer> counts = new LinkedHashMap<>();
    for (Part part : Part.values()) {
      counts.put("images_of_" + part.id(), seen.getOrDefault(part, 0));
    }
    return counts;
  }
}
