package org.jresnet.train;

import java.nio.file.Path;
import java.util.List;
import org.jresnet.base.Png;
import org.jresnet.base.Text;
import org.jresnet.metrics.Curves;

/** {@code curves.png}: loss and accuracy over the epochs. */
final class LearningCurves {
  private LearningCurves() {}

  /**
   * Draws the curves. They are worth no run: what keeps them from being drawn is a note.
   *
   * @param history at least one epoch
   */
  static void draw(List<EpochResult> history, Path file, TrainingListener listener) {
    try {
      Png.write(
          Curves.draw(
              List.of(
                  new Curves.Curve(
                      "training", history.stream().map(EpochResult::trainLoss).toList()),
                  new Curves.Curve(
                      "validation", history.stream().map(EpochResult::valLoss).toList())),
              List.of(
                  new Curves.Curve(
                      "training", history.stream().map(r -> 100 * r.trainAccuracy()).toList()),
                  new Curves.Curve(
                      "validation", history.stream().map(r -> 100 * r.valAccuracy()).toList()))),
          file);
    } catch (RuntimeException | Error e) {
      // Errors too: a Java without fonts or desktop libraries throws InternalError or LinkageError.
      listener.note(Text.format("%s could not be drawn, training goes on without it: %s", file, e));
    }
  }
}
