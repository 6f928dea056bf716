package org.jresnet.train;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jresnet.backend.Tensor;
import org.jresnet.base.Digests;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Parameter;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;

/**
 * The state of a run, to the bit: parameters, running statistics and optimizer moments in the
 * precision in which they are kept, the {@link Checkpoint} position, and the {@link RunIdentity}
 * that it belongs to. The file is a safetensors file called {@code last.ckpt}; a digest over all of
 * its tensors and metadata is part of it.
 */
final class CheckpointFile {
  private static final String POSITION = "jresnet.checkpoint";
  private static final String RUN = "jresnet.run";
  private static final String CHOICES = "jresnet.choices";
  static final String DIGEST = "jresnet.digest";

  /** Of Adam's two moments the second, a mean of squares. */
  private static final int SECOND_MOMENT = 1;

  private final Path file;
  private final StateDict dict;
  private final Checkpoint position;
  private final Optional<RunIdentity> run;

  private CheckpointFile(Path file) {
    this.file = file;
    dict = WeightFiles.read(file);
    Map<String, String> metadata = dict.metadata();
    String text = metadata.get(POSITION);
    if (text == null) {
      throw new UserError(
          Text.format(
              "%s is no checkpoint of jresnet; resume needs the last.ckpt that training wrote",
              file));
    }
    String digest = metadata.get(DIGEST);
    if (digest == null && metadata.containsKey(RUN)) {
      throw damaged("its digest is missing");
    } else if (digest != null && !digest.equals(digest(dict.tensors(), metadata))) {
      throw damaged("its content does not fit its digest");
    }
    position = Json.parse(file + ": " + POSITION, text, Checkpoint.class);
    if (digest == null) {
      run = Optional.empty();
    } else if (metadata.containsKey(RUN)) {
      run = Optional.of(Json.parse(file + ": " + RUN, metadata.get(RUN), RunIdentity.class));
    } else {
      throw damaged("it does not say which run it belongs to");
    }
  }

  /**
   * Reads and checks a file.
   *
   * @throws UserError when it is no checkpoint, or not as it was written
   */
  static CheckpointFile read(Path file) {
    return new CheckpointFile(file);
  }

  /**
   * Where a checkpoint stands, without a check of its tensors.
   *
   * @throws UserError when it is no checkpoint
   */
  static Checkpoint positionOf(Path file) {
    String text = WeightFiles.read(file).metadata().get(POSITION);
    if (text == null) {
      throw new UserError(Text.format("%s is no checkpoint of jresnet", file));
    }
    return Json.parse(file + ": " + POSITION, text, Checkpoint.class);
  }

  private UserError damaged(String how) {
    return new UserError(
        Text.format(
            "%s is damaged or was changed: %s. Restore it from a copy, or start anew with "
                + "another --out",
            file, how));
  }

  Checkpoint position() {
    return position;
  }

  /** What the checkpoint was made with; empty in files of older versions. */
  Optional<RunIdentity> run() {
    return run;
  }

  /** Which implementations computed the run; see {@link org.jresnet.backend.Backend#choices}. */
  Map<String, String> choices() {
    String text = dict.metadata().getOrDefault(CHOICES, "{}");
    return Json.parseMap(file + ": " + CHOICES, text, String.class);
  }

  static HostTensor raw(Tensor tensor, List<Long> shape) {
    return new HostTensor(tensor.type(), shape, tensor.snapshot());
  }

  private static String stateName(int index, Parameter p) {
    return "optimizer." + index + "." + p.name();
  }

  private static List<Long> shape(Parameter p) {
    return p.shape().stream().map(Integer::longValue).toList();
  }

  /** Writes the state that the model and the optimizer have now. */
  static void save(
      Path file, Checkpoint position, RunIdentity run, Model model, OptimizerState optimizer) {
    Map<String, String> choices = model.backend().choices();
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    for (Parameter p : model.graph().parameters()) {
      if (p.role() == Parameter.Role.BATCHES_TRACKED) {
        tensors.put(p.name(), HostTensor.ofLongs(List.of(), model.batchesTracked(p.name())));
        continue;
      }
      tensors.put(p.name(), raw(model.tensor(p.name()), shape(p)));
      if (p.role().trainable()) {
        for (int i = 0; i < optimizer.rule().states(); i++) {
          tensors.put(stateName(i, p), raw(optimizer.state(i, p.name()), shape(p)));
        }
      }
    }
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(POSITION, Json.line(position));
    metadata.put(RUN, Json.line(run));
    if (!choices.isEmpty()) {
      metadata.put(CHOICES, Json.line(choices));
    }
    metadata.put(DIGEST, digest(tensors, metadata));
    WeightFiles.write(file, new StateDict(tensors, metadata));
  }

  /** SHA-256 over names, types, shapes and bytes of the tensors, and over the other metadata. */
  static String digest(Map<String, HostTensor> tensors, Map<String, String> metadata) {
    MessageDigest digest = Digests.sha256();
    new TreeMap<>(metadata)
        .forEach(
            (key, text) -> {
              if (!key.equals(DIGEST)) {
                update(digest, key);
                update(digest, text);
              }
            });
    new TreeMap<>(tensors)
        .forEach(
            (name, tensor) -> {
              update(digest, name);
              update(digest, tensor.type() + " " + tensor.shape());
              digest.update(tensor.data());
            });
    return Digests.hex(digest);
  }

  /** With its length, so that no two sequences of texts are the same bytes. */
  private static void update(MessageDigest digest, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).flip());
    digest.update(bytes);
  }

  /**
   * Puts the state into a model and its optimizer.
   *
   * @throws UserError naming the tensor that is missing, left over, of another type or shape, or
   *     holds a value that no training leaves
   */
  void restore(Model model, OptimizerState optimizer) {
    Set<String> rest = new HashSet<>(dict.tensors().keySet());
    for (Parameter p : model.graph().parameters()) {
      rest.remove(p.name());
      if (p.role() == Parameter.Role.BATCHES_TRACKED) {
        model.setBatchesTracked(p.name(), count(p.name()));
        continue;
      }
      boolean variance = p.role() == Parameter.Role.RUNNING_VAR;
      restore(model.tensor(p.name()), p, p.name(), variance);
      if (p.role().trainable()) {
        int states = optimizer.rule().states();
        for (int i = 0; i < states; i++) {
          rest.remove(stateName(i, p));
          restore(optimizer.state(i, p.name()), p, stateName(i, p), i == SECOND_MOMENT);
        }
      }
    }
    if (!rest.isEmpty()) {
      throw new UserError(
          Text.format(
              "%s holds %s, which the run's network and optimizer do not have",
              file, new java.util.TreeSet<>(rest).first()));
    }
    optimizer.setSteps(position.steps());
  }

  private HostTensor tensor(String name) {
    HostTensor tensor = dict.tensors().get(name);
    if (tensor == null) {
      throw new UserError(
          Text.format("%s lacks %s; it belongs to another network or optimizer", file, name));
    }
    return tensor;
  }

  private long count(String name) {
    HostTensor tensor = tensor(name);
    if (tensor.type() != org.jresnet.graph.DType.I64
        || tensor.elements() != 1
        || tensor.toLong() < 0) {
      throw new UserError(
          Text.format("%s: %s is no count: %s%s", file, name, tensor.type(), tensor.shape()));
    }
    return tensor.toLong();
  }

  private void restore(Tensor target, Parameter p, String name, boolean nonNegative) {
    HostTensor source = tensor(name);
    if (source.type() != target.type() || !source.shape().equals(shape(p))) {
      throw new UserError(
          Text.format(
              "%s: %s is %s%s, expected %s%s",
              file, name, source.type(), source.shape(), target.type(), shape(p)));
    }
    for (float value : source.toFloats()) {
      if (!Float.isFinite(value) || nonNegative && value < 0) {
        throw new UserError(
            Text.format(
                "%s: %s holds %s, expected finite numbers%s",
                file, name, value, nonNegative ? " of at least 0" : ""));
      }
    }
    target.buffer().write(target.offset(), source.data());
  }
}
