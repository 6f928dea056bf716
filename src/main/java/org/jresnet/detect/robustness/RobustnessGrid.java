package org.jresnet.detect.robustness;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Degradation;
import org.jresnet.data.Grouping;
import org.jresnet.data.Sample;
import org.jresnet.detect.Figures;
import org.jresnet.engine.Executable;
import org.jresnet.train.Classifier;
import org.jresnet.train.Evaluation;
import org.jresnet.train.Evaluator;

/** Evaluates a model on the same images under one degradation after the other. */
public final class RobustnessGrid {
  private RobustnessGrid() {}

  /**
   * A cell of the grid.
   *
   * @param degradation of all images; empty for the images as they are
   * @param severity from 1 within its kind; 0 for the images as they are
   * @param figures what the model does on them
   */
  public record Cell(Optional<Degradation> degradation, int severity, Figures figures) {}

  /** Told after each batch. */
  public interface Progress {
    /**
     * Images done so far.
     *
     * @param images of all cells so far
     */
    void done(int images);
  }

  /**
   * Measures the images as they are, then every degradation of the grid.
   *
   * @param labels class names, and the one that scores speak for
   * @param group what belongs together, for the intervals
   * @param batch images per pass
   * @param loading how images are read
   */
  public static List<Cell> measure(
      Classifier classifier,
      List<Sample> samples,
      Evaluator.Labels labels,
      Grouping group,
      int batch,
      Evaluator.LoaderOptions loading,
      List<Degradation> grid,
      Progress progress) {
    List<Optional<Degradation>> all = new ArrayList<>(List.of(Optional.empty()));
    grid.forEach(d -> all.add(Optional.of(d)));
    List<Cell> cells = new ArrayList<>();
    try (Executable executable = classifier.compile(Math.min(batch, samples.size()))) {
      for (Optional<Degradation> degradation : all) {
        int before = cells.size() * samples.size();
        Augmentation changes =
            degradation
                .map(d -> Augmentation.NONE.withDegradations(1, List.of(d)))
                .orElse(Augmentation.NONE);
        Evaluation e =
            Evaluator.evaluate(
                    executable,
                    labels,
                    samples,
                    loading.withAugmentation(changes),
                    done -> progress.done(before + done))
                .withGroups(group);
        cells.add(new Cell(degradation, severity(cells, degradation), Figures.of(e)));
      }
    }
    return cells;
  }

  private static int severity(List<Cell> before, Optional<Degradation> now) {
    return now.map(
            d ->
                1
                    + (int)
                        before.stream()
                            .filter(c -> c.degradation().isPresent())
                            .filter(c -> c.degradation().get().kind() == d.kind())
                            .count())
        .orElse(0);
  }
}
