package org.jresnet.inspect;

import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jresnet.base.Text;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.SafetensorsFile;

/** Computes the step of a recording again, from nothing but what the file holds. */
public final class StepReplay {
  /**
   * What came out.
   *
   * @param tensors that were compared
   * @param difference the first tensor whose bytes differ, and where; empty if none does
   */
  public record Outcome(int tensors, Optional<String> difference) {}

  private final Recording recording;

  /** A replay of that recording. */
  public StepReplay(Recording recording) {
    this.recording = recording;
  }

  /**
   * Runs the step and compares every tensor, byte by byte.
   *
   * @param compute backend and precision, see {@link StepFacts}
   * @throws org.jresnet.base.UserError when the file lacks something, or its tensors do not fit its
   *     network
   */
  public Outcome run(Compute compute) {
    StepFacts facts = recording.facts();
    Graph graph = recording.graph();
    try (Model model = compute.model(graph);
        StepRecorder recorder = new StepRecorder(model, facts.network(), images(), options())) {
      for (Parameter p : graph.parameters()) {
        if (p.role().trainable()) {
          model.set(p.name(), values(Recording.parameter(p.name()), p));
        } else if (p.role() != Parameter.Role.BATCHES_TRACKED) {
          model.set(p.name(), values(Recording.statisticBefore(p.name()), p));
        }
      }
      if (facts.training()) {
        recorder.optimizer().setSteps(facts.step() - 1);
        restoreMoments(recorder, graph);
      }
      double loss = recorder.run();
      if (loss != facts.loss()) {
        return new Outcome(
            1, Optional.of(Text.format("the loss: recorded %s, now %s", facts.loss(), loss)));
      }
      return compare(recorder.tensors());
    }
  }

  private void restoreMoments(StepRecorder recorder, Graph graph) {
    for (Parameter p : graph.parameters()) {
      if (p.role().trainable() && recorder.optimizer().steps() > 0) {
        for (int i = 0; i < recorder.optimizer().rule().states(); i++) {
          recorder
              .optimizer()
              .state(i, p.name())
              .set(values(Recording.momentBefore(i + 1, p.name()), p));
        }
      }
    }
  }

  private float[] values(String name, Parameter p) {
    List<Long> shape = p.shape().stream().map(Integer::longValue).toList();
    if (!recording.shape(name).equals(shape)) {
      throw recording.damaged(
          Text.format("%s has the shape %s, expected %s", name, recording.shape(name), shape));
    }
    return recording.values(name);
  }

  private StepRecorder.Images images() {
    HostTensor input = recording.tensor(Recording.INPUT);
    if (!input.shape().get(1).equals(input.shape().get(2)) || input.shape().get(3) != 3) {
      throw recording.damaged(
          Text.format(
              "%s has the shape %s, expected square images", Recording.INPUT, input.shape()));
    }
    byte[] pixels = new byte[input.elements()];
    input.data().get(pixels);
    return new StepRecorder.Images(
        pixels,
        Math.toIntExact(input.shape().get(1)),
        recording.facts().images(),
        recording.labels());
  }

  private StepRecorder.Options options() {
    StepFacts facts = recording.facts();
    return new StepRecorder.Options(
        facts.pass(),
        facts.optimizer(),
        Set.copyOf(facts.frozen()),
        new HashSet<>(facts.nodes()),
        facts.half(),
        recording.tensors().stream().anyMatch(n -> n.startsWith(Recording.singularValues(""))),
        facts.seed(),
        facts.draws());
  }

  private Outcome compare(List<SafetensorsFile.Planned> now) {
    List<String> names = now.stream().map(SafetensorsFile.Planned::name).toList();
    if (!names.equals(recording.tensors())) {
      throw recording.damaged("its tensors are not those that such a step records");
    }
    for (SafetensorsFile.Planned tensor : now) {
      HostTensor then = recording.tensor(tensor.name());
      if (then.type() != tensor.type() || !then.shape().equals(tensor.shape())) {
        throw recording.damaged(
            Text.format(
                "%s is %s %s, expected %s %s",
                tensor.name(), then.type(), then.shape(), tensor.type(), tensor.shape()));
      }
      ByteBuffer data = tensor.data().get();
      int differs = data.mismatch(then.data());
      if (differs >= 0) {
        int element = differs / tensor.type().bytes();
        float[] values = new HostTensor(tensor.type(), tensor.shape(), data).toFloats();
        return new Outcome(
            now.size(),
            Optional.of(
                Text.format(
                    "%s, element %s: recorded %s, now %s",
                    tensor.name(), element, then.toFloats()[element], values[element])));
      }
    }
    return new Outcome(now.size(), Optional.empty());
  }
}
