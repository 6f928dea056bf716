package org.jresnet.detect.fingerprint;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Parameter;
import org.jresnet.train.ModelFiles;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;

/**
 * An autoencoder in a safetensors file, under the names of its nodes, with its options; a
 * checkpoint holds Adam's moments and the position of the training besides.
 */
final class RemoverFile {
  /** The epoch with the smallest error on held-out images. */
  static final String BEST = "autoencoder.safetensors";

  /** Where the training stands. */
  static final String LAST = "last.ckpt";

  private static final String OPTIONS = "jresnet.autoencoder";
  private static final String POSITION = "jresnet.position";
  private static final String MOMENT = "optimizer.";

  private final Path path;
  private final StateDict dict;
  private final RemoverOptions options;

  private RemoverFile(Path path, StateDict dict, RemoverOptions options) {
    this.path = path;
    this.dict = dict;
    this.options = options;
  }

  /** The file that a run folder, or the file itself, stands for. */
  static Path best(Path run) {
    if (!Files.isDirectory(run)) {
      return run;
    }
    Path best = run.resolve(BEST);
    if (!Files.exists(best)) {
      throw new UserError(
          Text.format(
              "%s is a folder without %s; expected what jresnet fingerprint train wrote",
              run, BEST));
    }
    return best;
  }

  /**
   * Reads a file.
   *
   * @throws UserError when it is no autoencoder of ours
   */
  static RemoverFile read(Path path) {
    StateDict dict = WeightFiles.read(path);
    String options = dict.metadata().get(OPTIONS);
    if (options == null) {
      throw new UserError(
          Text.format(
              "%s holds no autoencoder; expected what jresnet fingerprint train wrote", path));
    }
    return new RemoverFile(
        path, dict, Json.parse(path + ": " + OPTIONS, options, RemoverOptions.class));
  }

  RemoverOptions options() {
    return options;
  }

  /** Where the training stood. */
  RemoverPosition position() {
    String text = dict.metadata().get(POSITION);
    if (text == null) {
      throw new UserError(Text.format("%s is no checkpoint: it has no position", path));
    }
    return Json.parse(path + ": " + POSITION, text, RemoverPosition.class);
  }

  /** Puts the weights into a model. */
  void into(Model model) {
    Map<String, HostTensor> weights = new LinkedHashMap<>(dict.tensors());
    weights.keySet().removeIf(name -> name.startsWith(MOMENT));
    ModelFiles.load(model, new StateDict(weights, dict.metadata()), path.toString());
  }

  /** Puts the moments and the number of steps into an optimizer. */
  void into(Model model, OptimizerState optimizer) {
    for (Parameter p : model.graph().parameters()) {
      for (int i = 0; i < optimizer.rule().states(); i++) {
        HostTensor moment = dict.tensors().get(MOMENT + i + "." + p.name());
        if (moment == null || moment.elements() != p.elements()) {
          throw new UserError(
              Text.format(
                  "%s lacks %s%s.%s in its shape %s; start anew with another --out",
                  path, MOMENT, i, p.name(), p.shape()));
        }
        optimizer.state(i, p.name()).set(moment.toFloats());
      }
    }
    optimizer.setSteps(position().steps());
  }

  static void write(Path path, Model model, RemoverOptions options) {
    WeightFiles.write(path, ModelFiles.stateDict(model, metadata(options)));
  }

  private static Map<String, String> metadata(RemoverOptions options) {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("format", "pt");
    metadata.put(OPTIONS, Json.line(options));
    return metadata;
  }

  static void writeCheckpoint(
      Path path,
      Model model,
      OptimizerState optimizer,
      RemoverOptions options,
      RemoverPosition position) {
    Map<String, String> metadata = metadata(options);
    metadata.put(POSITION, Json.line(position));
    Map<String, HostTensor> tensors =
        new LinkedHashMap<>(ModelFiles.stateDict(model, metadata).tensors());
    for (Parameter p : model.graph().parameters()) {
      List<Long> shape = p.shape().stream().map(Integer::longValue).toList();
      for (int i = 0; i < optimizer.rule().states(); i++) {
        float[] values = optimizer.state(i, p.name()).toFloats();
        tensors.put(MOMENT + i + "." + p.name(), HostTensor.ofFloats(shape, values));
      }
    }
    WeightFiles.write(path, new StateDict(tensors, metadata));
  }
}
