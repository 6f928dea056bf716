package org.jresnet.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.bench.Benchmark.Work;
import org.jresnet.check.Comparison;
import org.jresnet.check.NetworkCheck;
import org.jresnet.check.NetworkCheck.Inputs;
import org.jresnet.check.OpCase;
import org.jresnet.check.OpCheck;
import org.jresnet.check.StepTensors;
import org.jresnet.check.TapFile;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.models.Architecture;
import org.jresnet.train.LoadedModel;
import org.jresnet.train.ModelFiles;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jresnet check}. */
@Command(
    name = "check",
    sortOptions = false,
    description =
        "Compares what two backends compute, for single ops or a whole network, and shows the"
            + " element that differs most. Exit code 1 if a difference is larger than its bound.")
final class CheckCommand implements Callable<Integer> {
  private static final int MOST = 20;

  @Heading("What to compute")
  @Option(
      names = "--op",
      paramLabel = "KIND",
      description = "Check the cases of the contract tests: ${COMPLETION-CANDIDATES}.",
      completionCandidates = Kinds.class)
  private String op;

  @Option(names = "--case", paramLabel = "N", description = "One case of --op, numbered from 0.")
  @Within(min = 0, max = Within.MANY)
  private Integer number;

  @Option(
      names = "--model",
      paramLabel = "NAME",
      completionCandidates = ModelNames.class,
      description = "Check this network instead: ${COMPLETION-CANDIDATES}.")
  private String model;

  @Option(
      names = "--weights",
      paramLabel = "FILE",
      description = "Weights of the network; without it they are drawn from --seed.")
  private Path weights;

  @Option(
      names = "--work",
      defaultValue = "train",
      description = "train (forward, loss and backward of one step) or infer.")
  private Work work;

  @Option(names = "--batch", defaultValue = "4", description = "Images of random pixels.")
  @Within(min = 1, max = Within.BATCH)
  private int batch;

  @Option(names = "--size", defaultValue = "64", description = "Side of the images in pixels.")
  @Within(min = 1, max = Within.SIDE)
  private int size;

  @Option(names = "--classes", defaultValue = "10", description = "Number of classes.")
  @Within(min = 1, max = Within.MANY)
  private int classes;

  @Option(
      names = "--width",
      paramLabel = "CHANNELS",
      description = "Channels of the stem, with all others in proportion.")
  @Within(min = 1, max = Within.MANY)
  private Integer width;

  @Option(names = "--seed", defaultValue = "7", description = "Seed of weights and pixels.")
  @Within
  private long seed;

  @Heading("Comparison")
  @Option(
      names = "--against",
      defaultValue = "reference",
      paramLabel = "NAME|FILE",
      description =
          "The side that is trusted: reference, cpu, gpu, or a file that tools/taps_torch.py made"
              + " with PyTorch.")
  private String against;

  @Option(
      names = "--against-precision",
      paramLabel = "TYPE",
      description = "Precision of that side; default: fp64 of reference, else fp32.")
  private String againstPrecision;

  @Option(
      names = "--bisect",
      description =
          "Give each node what the trusted side computed before it, and name the first node,"
              + " forward then backward, whose own result is off.")
  private boolean bisect;

  @Option(
      names = "--bound",
      paramLabel = "SHARE",
      description =
          "Allowed length of a difference in a network, relative to the length of the tensor;"
              + " default: by precision.")
  @Within(min = 0, max = 1)
  private Double bound;

  @Option(names = "--json", description = "Print one JSON object per tensor.")
  private boolean json;

  @Mixin private BackendOptions options;

  /** The kinds of ops. */
  static final class Kinds implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Arrays.stream(OpCase.Kind.values()).map(OpCase.Kind::id).iterator();
    }
  }

  @Override
  public Integer call() {
    if ((op == null) == (model == null && !Files.isRegularFile(Path.of(against)))) {
      throw new UsageError("name either --op or --model (or a file with --against)");
    }
    Console console = new Console(json);
    try (Compute tested = options.open(console)) {
      return (op == null ? network(console, tested) : ops(console, tested)) == 0 ? 0 : 1;
    }
  }

  /** The trusted side, if it is no file. */
  private Compute trusted(Console console) {
    BackendKind kind = UsageError.unlessValid(() -> BackendKind.of(against));
    Precision precision =
        againstPrecision != null
            ? UsageError.unlessValid(() -> Precision.of(againstPrecision))
            : kind == BackendKind.REFERENCE ? Precision.FP64 : Precision.FP32;
    return options.open(console, kind, Optional.of(precision));
  }

  private int ops(Console console, Compute tested) {
    OpCase.Kind kind =
        Arrays.stream(OpCase.Kind.values())
            .filter(k -> k.id().equals(op.toLowerCase(Locale.ROOT)))
            .findFirst()
            .orElseThrow(
                () ->
                    new UsageError(
                        "unknown op '" + op + "'; known: " + String.join(", ", new Kinds())));
    List<OpCase> cases = kind.cases();
    if (number != null && number >= cases.size()) {
      throw new UsageError("--case is at most " + (cases.size() - 1) + " for " + op);
    }
    int first = number == null ? 0 : number;
    int end = number == null ? cases.size() : number + 1;
    int wrong = 0;
    int compared = 0;
    try (Compute trusted = trusted(console)) {
      for (int i = first; i < end; i++) {
        OpCase each = cases.get(i);
        if (tested.backend().supports(each.spec().apply(tested.precision().activation()))
            instanceof Support.No no) {
          console.note(kind.id() + " " + i + " is refused: " + no.reason());
          continue;
        }
        List<Comparison> all = OpCheck.run(side(tested), side(trusted), each);
        compared += all.size();
        boolean off = !all.stream().allMatch(Comparison::ok);
        wrong += off ? 1 : 0;
        if (off || number != null) {
          console.print("%s %d: %s", kind.id(), i, each);
          all.forEach(c -> print(console, c));
        }
        if (off) {
          console.print("%s", kind.command(i, tested.kind().id(), tested.precision()));
        }
        all.forEach(c -> console.object(values(c)));
      }
    }
    if (compared == 0) {
      throw new UserError("nothing was compared: every case was refused");
    }
    console.print(
        "%s compared, %d of %s off",
        Text.count(compared, "tensor"), wrong, Text.count(end - first, "case"));
    return wrong;
  }

  private static OpCheck.Side side(Compute compute) {
    return new OpCheck.Side(compute.backend(), compute.precision());
  }

  private static void print(Console console, Comparison c) {
    console.print("  %s %s", c.ok() ? "ok  " : "OFF ", c);
  }

  private static Map<String, Object> values(Comparison c) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("tensor", c.what());
    values.put("ok", c.ok());
    values.put("error", c.error());
    values.put("allowed", c.allowed());
    values.put("index", c.index());
    values.put("expected", c.expected());
    values.put("actual", c.actual());
    return values;
  }

  private int network(Console console, Compute tested) {
    Precision precision = tested.precision();
    if (precision == Precision.INT8) {
      throw new UsageError("int8 has no tensors that the host can compare; check fp32 or bf16");
    }
    Optional<TapFile> file =
        Files.isRegularFile(Path.of(against))
            ? Optional.of(TapFile.read(Path.of(against)))
            : Optional.empty();
    String name = file.map(TapFile::model).orElse(model);
    Architecture network = UsageError.unlessValid(() -> Architecture.of(name));
    Graph graph = Arguments.graph(network, file.map(TapFile::classes).orElse(classes), width);
    NetworkCheck.Work step = file.map(f -> step(network, f)).orElseGet(() -> step(network));
    Inputs inputs = bisect ? Inputs.TRUSTED : Inputs.OWN;
    StepTensors tensors;
    Precision other = Precision.FP32;
    if (file.isPresent()) {
      tensors = file.get().tensors();
    } else {
      try (Compute trusted = trusted(console);
          Model theirs = model(graph, trusted)) {
        other = trusted.precision();
        tensors = new NetworkCheck(theirs, step).record();
      }
    }
    NetworkCheck.Limits allowed = limits(coarser(precision, other), step.options().pass(), inputs);
    try (Model ours = model(graph, tested)) {
      List<Comparison> all = new NetworkCheck(ours, step).compare(tensors, inputs, allowed);
      if (all.isEmpty()) {
        throw new UserError(
            "nothing was compared: " + against + " has none of the nodes of " + name);
      }
      return report(console, all);
    }
  }

  private static Precision coarser(Precision a, Precision b) {
    return a.activation().bytes() <= b.activation().bytes() ? a : b;
  }

  private NetworkCheck.Limits limits(Precision precision, Pass pass, Inputs inputs) {
    return bound != null
        ? new NetworkCheck.Limits(bound, bound)
        : NetworkCheck.Limits.of(precision, pass, inputs)
            .orElseThrow(
                () ->
                    new UsageError(
                        "the roundings of "
                            + precision.id()
                            + " add up to more than the gradients of a whole network: add"
                            + " --bisect, which compares node by node, or give a --bound"));
  }

  private int report(Console console, List<Comparison> all) {
    all.forEach(c -> console.object(values(c)));
    List<Comparison> off = all.stream().filter(c -> !c.ok()).toList();
    if (bisect && !off.isEmpty()) {
      console.print("The first tensor that is off, of %d compared:", all.size());
      print(console, off.get(0));
    } else {
      off.stream().limit(MOST).forEach(c -> print(console, c));
      if (off.size() > MOST) {
        console.print("  and %d more", off.size() - MOST);
      }
      console.print("The largest difference beside its bound, of %d tensors:", all.size());
      print(console, all.stream().max(Comparator.comparingDouble(Comparison::share)).orElseThrow());
    }
    return off.size();
  }

  private Model model(Graph graph, Compute compute) {
    Model made = new Model(graph, compute.backend(), compute.precision());
    try {
      made.initialize(seed, Model.BlockEnd.ONE);
      if (weights != null) {
        LoadedModel loaded = ModelFiles.open(weights, Optional.of(graph.name()));
        ModelFiles.load(made, loaded.weights(), weights.toString());
      }
      return made;
    } catch (RuntimeException e) {
      made.close();
      throw e;
    }
  }

  private NetworkCheck.Work step(Architecture network) {
    Arguments.requireBatchFits(batch, size);
    byte[] pixels = new byte[batch * size * size * 3];
    new Random(seed).nextBytes(pixels);
    int[] labels = IntStream.range(0, batch).map(i -> i % classes).toArray();
    return new NetworkCheck.Work(compile(network, batch, size, size), pixels, labels);
  }

  private NetworkCheck.Work step(Architecture network, TapFile file) {
    CompileOptions compile =
        compile(network, file.images().n(), file.images().h(), file.images().w());
    return new NetworkCheck.Work(compile, file.pixels(), file.labels());
  }

  private CompileOptions compile(Architecture network, int count, int height, int columns) {
    Normalization normalization = ModelFiles.normalization(network);
    return CompileOptions.of(
        work == Work.TRAIN ? Pass.TRAINING : Pass.INFERENCE,
        new CompileOptions.Images(count, height, columns, normalization));
  }
}
