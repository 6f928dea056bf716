package org.jresnet.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jresnet.base.Npy;
import org.jresnet.base.Text;
import org.jresnet.data.ImageFolder;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.graph.DType;
import org.jresnet.inspect.Recording;
import org.jresnet.inspect.StepReplay;
import org.jresnet.inspect.TensorStatistics;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;
import picocli.CommandLine.Option;

/** What {@code record} does with a recording that is there. */
@Heading("With a recording as the only argument")
final class RecordingOptions {
  @Option(names = "--list", description = "List its tensors with their statistics.")
  private boolean list;

  @Option(
      names = "--replay",
      description =
          "Compute its step again and compare every byte. Exit code 1 if a tensor differs.")
  private boolean replay;

  @Option(
      names = "--export",
      paramLabel = "TENSOR",
      description = "Write this tensor to --out, a .npy or .safetensors file.")
  private String export;

  /** Whether it is to be read. */
  boolean asked() {
    return list || replay || export != null;
  }

  int run(
      Console console,
      List<String> arguments,
      Path out,
      boolean overwrite,
      BackendOptions options) {
    if (arguments.size() != 1
        || Stream.of(list, replay, export != null).filter(b -> b).count() > 1) {
      throw new UsageError("--list, --replay and --export take one recording, and go alone");
    }
    try (Recording recording = Recording.open(ImageFolder.expand(arguments.get(0)))) {
      if (list) {
        list(console, recording);
        return 0;
      } else if (replay) {
        return replay(console, recording, options);
      }
      export(recording, out, overwrite);
      console.print("Wrote %s", out);
      return 0;
    }
  }

  private static void list(Console console, Recording recording) {
    int longest = recording.tensors().stream().mapToInt(String::length).max().orElse(0);
    console.print(
        "%s %-4s %-18s %12s %12s %8s %12s",
        padded("tensor", longest), "type", "shape", "mean", "std", "zeros", "norm");
    for (String name : recording.tensors()) {
      String type = recording.tensor(name).type().name();
      List<Long> shape = recording.shape(name);
      if (name.equals(Recording.INPUT) || name.equals(Recording.LABELS)) {
        console.print("%s %-4s %-18s", padded(name, longest), type, shape);
        continue;
      }
      TensorStatistics s = recording.statistics(name);
      console.print(
          "%s %-4s %-18s %12.5g %12.5g %6.2f %% %12.5g",
          padded(name, longest), type, shape, s.mean(), s.std(), 100 * s.zeros(), s.norm());
    }
  }

  private static String padded(String name, int width) {
    return name + " ".repeat(width - name.length());
  }

  private static int replay(Console console, Recording recording, BackendOptions options) {
    BackendKind kind = BackendKind.of(recording.facts().backend());
    try (Compute compute =
        options.open(console, kind, Optional.of(recording.facts().precision()))) {
      String here = compute.backend().description();
      if (!here.equals(recording.facts().machine())) {
        console.note(
            Text.format(
                "it was recorded on %s, this is %s: last digits may differ",
                recording.facts().machine(), here));
      }
      StepReplay.Outcome outcome = new StepReplay(recording).run(compute);
      outcome.difference().ifPresent(text -> console.print("DIFFERS at %s", text));
      if (outcome.difference().isEmpty()) {
        console.print("All %d tensors are equal to the byte", outcome.tensors());
      }
      return outcome.difference().isEmpty() ? 0 : 1;
    }
  }

  private void export(Recording recording, Path out, boolean overwrite) {
    if (out == null) {
      throw new UsageError("name the file of the tensor with --out");
    }
    OutputFile.require("--out", out, overwrite);
    HostTensor tensor = recording.tensor(export);
    String name = out.toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".safetensors")) {
      WeightFiles.write(out, new StateDict(Map.of(export, tensor), Map.of()));
    } else if (name.endsWith(".npy")) {
      List<Integer> shape = tensor.shape().stream().map(Math::toIntExact).toList();
      Npy array =
          tensor.type() == DType.U8
              ? new Npy(Npy.U8, shape, tensor.data())
              : Npy.of(shape, tensor.toFloats());
      array.write(out);
    } else {
      throw new UsageError(
          Text.format("cannot tell the format of %s; expected .npy or .safetensors", out));
    }
  }
}
