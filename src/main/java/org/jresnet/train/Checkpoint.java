package org.jresnet.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Tensor;
import org.jresnet.base.UserError;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Parameter;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;

/**
 * Where a run stands, to the bit: parameters, running statistics, optimizer moments in the
 * precision in which they are kept, and the position. Random numbers are functions of seed, epoch
 * and sample, so the position stands for them. The file is a safetensors file called {@code
 * last.ckpt}.
 *
 * @param epoch epochs completed
 * @param batch batches completed in the next epoch
 * @param lossSum sum of the losses in that epoch so far, weighted by pictures
 * @param correct correct predictions in that epoch so far
 * @param seen pictures of that epoch so far
 * @param steps optimizer steps since the start
 * @param lossScale of half precision
 * @param bestEpoch epoch with the best validation result, 0 for none
 * @param history results of the completed epochs
 */
record Checkpoint(
    int epoch,
    int batch,
    double lossSum,
    long correct,
    long seen,
    long steps,
    LossScale.State lossScale,
    int bestEpoch,
    List<EpochResult> history) {
  private static final String KEY = "jresnet.checkpoint";
  private static final ObjectMapper JSON = new ObjectMapper();

  static final Checkpoint START =
      new Checkpoint(0, 0, 0, 0, 0, 0, LossScale.State.START, 0, List.of());

  static HostTensor raw(Tensor tensor, List<Long> shape) {
    return new HostTensor(tensor.type(), shape, tensor.snapshot());
  }

  private static String stateName(int index, Parameter p) {
    return "optimizer." + index + "." + p.name();
  }

  void save(Path file, Model model, OptimizerState optimizer) {
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    for (Parameter p : model.graph().parameters()) {
      if (p.role() == Parameter.Role.BATCHES_TRACKED) {
        tensors.put(p.name(), HostTensor.ofLongs(List.of(), model.batchesTracked(p.name())));
        continue;
      }
      List<Long> shape = p.shape().stream().map(Integer::longValue).toList();
      tensors.put(p.name(), raw(model.tensor(p.name()), shape));
      if (p.role().trainable()) {
        for (int i = 0; i < optimizer.rule().states(); i++) {
          tensors.put(stateName(i, p), raw(optimizer.state(i, p.name()), shape));
        }
      }
    }
    try {
      WeightFiles.write(file, new StateDict(tensors, Map.of(KEY, JSON.writeValueAsString(this))));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  static Checkpoint load(Path file, Model model, OptimizerState optimizer) {
    StateDict dict = WeightFiles.read(file);
    Checkpoint checkpoint;
    try {
      checkpoint = JSON.readValue(dict.metadata().getOrDefault(KEY, ""), Checkpoint.class);
    } catch (JsonProcessingException e) {
      throw new UserError(
          file + " is no checkpoint of jresnet; resume needs the last.ckpt that training wrote", e);
    }
    for (Parameter p : model.graph().parameters()) {
      if (p.role() == Parameter.Role.BATCHES_TRACKED) {
        model.setBatchesTracked(p.name(), require(file, dict, p.name()).toLong());
        continue;
      }
      restore(file, model.tensor(p.name()), require(file, dict, p.name()), p.name());
      if (p.role().trainable()) {
        for (int i = 0; i < optimizer.rule().states(); i++) {
          restore(
              file,
              optimizer.state(i, p.name()),
              require(file, dict, stateName(i, p)),
              stateName(i, p));
        }
      }
    }
    optimizer.setSteps(checkpoint.steps);
    return checkpoint;
  }

  private static HostTensor require(Path file, StateDict dict, String name) {
    HostTensor tensor = dict.tensors().get(name);
    if (tensor == null) {
      throw new UserError(file + " lacks " + name + "; it belongs to another network or optimizer");
    }
    return tensor;
  }

  private static void restore(Path file, Tensor target, HostTensor source, String name) {
    if (source.type() != target.type() || source.elements() != target.elements()) {
      throw new UserError(
          file
              + ": "
              + name
              + " is "
              + source.type()
              + source.shape()
              + ", expected "
              + target.elements()
              + " values of "
              + target.type());
    }
    target.buffer().write(target.offset(), source.data().duplicate());
  }
}
