package org.jresnet.inspect;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.BadImageException;
import org.jresnet.data.Dataset;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Sample;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Graph;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.RunState;
import org.jresnet.train.TrainOptions.OptimizerOptions;
import org.jresnet.weights.ModelInfo;

/**
 * What a step starts from.
 *
 * @param source the file, for messages
 * @param info architecture, classes and input
 * @param preprocess how images become input
 * @param optimizer update rule and learning rate
 * @param frozen names of parameters that stay as they are
 * @param state gives a model and its optimizer their values
 */
public record StepStart(
    String source,
    ModelInfo info,
    Preprocess preprocess,
    OptimizerOptions optimizer,
    Set<String> frozen,
    State state) {
  /** Gives a model and its optimizer their values. */
  public interface State {
    /** Sets parameters, running statistics and what the optimizer carries from step to step. */
    void into(Model model, OptimizerState optimizer);
  }

  /** That of {@code jresnet train}. */
  public static final OptimizerOptions ADAM =
      new OptimizerOptions(OptimizerOptions.Kind.ADAM, 1e-3, 0.9, 0.999, 1e-8, 0.9, 0);

  /** Copies the set. */
  public StepStart {
    frozen = Set.copyOf(frozen);
  }

  /**
   * The next training step of a run, from its last checkpoint with the moments of its optimizer;
   * empty where the path is no run folder with a checkpoint.
   *
   * @throws UserError when the checkpoint is damaged
   */
  public static Optional<StepStart> ofRun(Path run) {
    return RunState.of(run)
        .map(
            state ->
                new StepStart(
                    run.toString(),
                    state.info(),
                    state.options().input().preprocess(),
                    state.options().optimizer(),
                    state.frozen(),
                    state::restore));
  }

  /** A step of the weights of a file, with {@link #ADAM} as it starts. */
  public static StepStart of(LoadedModel loaded) {
    return new StepStart(
        loaded.source(),
        loaded.info(),
        loaded.preprocess(),
        ADAM,
        Set.of(),
        (model, optimizer) -> ModelFiles.load(model, loaded.weights(), loaded.source()));
  }

  /** The first step of a network with random weights, with {@link #ADAM} as it starts. */
  public static StepStart random(ModelInfo info, long seed) {
    return new StepStart(
        Text.format("%s with random weights of seed %s", info.architecture(), seed),
        info,
        ModelFiles.preprocess(info),
        ADAM,
        Set.of(),
        (model, optimizer) -> model.initialize(seed, Model.BlockEnd.ONE));
  }

  /** The same with another input. */
  public StepStart withPreprocess(Preprocess other) {
    return new StepStart(source, info, other, optimizer, frozen, state);
  }

  /** The same with another learning rate. */
  public StepStart withLearningRate(double rate) {
    OptimizerOptions o = optimizer;
    OptimizerOptions other =
        new OptimizerOptions(
            o.kind(), rate, o.beta1(), o.beta2(), o.eps(), o.momentum(), o.weightDecay());
    return new StepStart(source, info, preprocess, other, frozen, state);
  }

  /** The network. */
  public Graph graph() {
    return ModelFiles.graph(info);
  }

  /**
   * Decodes images as the network takes them.
   *
   * @param label true class of all of them; empty where it is not known
   * @throws UserError naming an image that cannot be decoded, or a class that is none
   */
  public StepRecorder.Images images(List<Path> files, Optional<String> label) {
    List<Integer> labels = new ArrayList<>();
    label.ifPresent(name -> files.forEach(file -> labels.add(classOf(name))));
    return decoded(files, labels);
  }

  /**
   * Index of a class.
   *
   * @throws UserError when no class has this name
   */
  public int classOf(String name) {
    int index = info.classes().indexOf(name);
    if (index < 0) {
      throw new UserError(
          Text.format("no class is named '%s'; %s knows %s", name, source, info.classes()));
    }
    return index;
  }

  /**
   * Takes images of a folder with one folder per class: of each class in turn.
   *
   * @param most at most so many
   * @throws UserError as {@link #images}
   */
  public StepRecorder.Images images(Dataset dataset, int most) {
    List<Sample> taken = new ArrayList<>();
    for (int round = 0; taken.size() < most; round++) {
      int before = taken.size();
      for (int label = 0; label < dataset.classes().size() && taken.size() < most; label++) {
        int wanted = label;
        dataset.samples().stream()
            .filter(s -> s.label() == wanted)
            .skip(round)
            .findFirst()
            .ifPresent(taken::add);
      }
      if (taken.size() == before) {
        break;
      }
    }
    return images(taken);
  }

  /**
   * Decodes images whose classes are known.
   *
   * @throws UserError naming an image that cannot be decoded
   */
  public StepRecorder.Images images(List<Sample> samples) {
    return decoded(
        samples.stream().map(Sample::file).toList(), samples.stream().map(Sample::label).toList());
  }

  private StepRecorder.Images decoded(List<Path> files, List<Integer> labels) {
    int size = preprocess.size();
    Graph.requirePixelsFit(files.size(), size, size);
    byte[] pixels = new byte[files.size() * size * size * 3];
    for (int i = 0; i < files.size(); i++) {
      try {
        byte[] rgb = preprocess.read(files.get(i)).rgb();
        System.arraycopy(rgb, 0, pixels, i * rgb.length, rgb.length);
      } catch (BadImageException e) {
        throw new UserError(e.getMessage(), e);
      }
    }
    return new StepRecorder.Images(
        pixels,
        size,
        files.stream().map(f -> f.getFileName().toString()).toList(),
        labels.stream().mapToInt(Integer::intValue).toArray());
  }
}
