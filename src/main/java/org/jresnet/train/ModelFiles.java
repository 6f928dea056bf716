package org.jresnet.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jresnet.backend.Normalization;
import org.jresnet.base.Digests;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Dataset;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Scaling;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;
import org.jresnet.models.Architecture;
import org.jresnet.models.Preprocessing;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.StrictReport;
import org.jresnet.weights.WeightFiles;

/** Between weight files and models. */
public final class ModelFiles {
  private ModelFiles() {}

  /**
   * The weights that a path stands for: a run folder's {@code best.safetensors}, the folder of
   * sharded safetensors, or the file itself.
   *
   * @throws UserError for any other folder
   */
  public static Path file(Path path) {
    if (!Files.isDirectory(path)) {
      return path;
    }
    Path best = path.resolve(RunFolder.BEST);
    if (Files.exists(best)) {
      return best;
    }
    return WeightFiles.index(path)
        .orElseThrow(
            () ->
                new UserError(
                    Text.format(
                        "%s is a folder without %s; expected a run folder of jresnet train, or a weight file",
                        path, RunFolder.BEST)));
  }

  /**
   * SHA-256 of what {@link #open} reads: of the file, or of the hashes of all files of sharded
   * safetensors, a line each in the order of their names.
   *
   * @throws UserError when it cannot be read
   */
  public static String digest(Path path) {
    Path file = file(path);
    if (WeightFiles.parts(file).isEmpty()) {
      return Digests.ofFile(file, "the model", () -> false);
    }
    return Digests.ofLines(
        WeightFiles.parts(file).stream()
            .map(part -> Digests.ofFile(part, "the model", () -> false))
            .toList());
  }

  /**
   * Opens a run folder, a {@code .safetensors} or a {@code .pth} file, or sharded safetensors.
   *
   * @param architecture needed where the file does not say; a contradiction is an error
   */
  public static LoadedModel open(Path path, Optional<String> architecture) {
    Path file = file(path);
    StateDict weights =
        WeightFiles.read(file, KnownNetworks.wanted(architecture, Optional.empty()));
    Optional<ModelInfo> info = ModelInfo.of(weights.metadata());
    if (info.isPresent()) {
      String found = info.get().architecture();
      architecture
          .filter(wanted -> !wanted.equals(found))
          .ifPresent(
              wanted -> {
                throw new UserError(
                    Text.format("%s holds a %s, not the %s of --model", file, found, wanted));
              });
      return new LoadedModel(file.toString(), info.get(), weights, preprocess(info.get()));
    }
    String model =
        architecture.orElseThrow(
            () ->
                new UserError(
                    Text.format(
                        "%s does not say which network it belongs to; name it with --model, such as --model "
                            + "%s",
                        file,
                        KnownNetworks.identify(weights)
                            .map(Architecture::id)
                            .orElse(Architecture.DEFAULT))));
    Architecture network = Architecture.of(model);
    int count =
        KnownNetworks.classes(network, weights)
            .orElseThrow(
                () ->
                    new UserError(
                        Text.format(
                            "%s has no %s, so it is no %s; it has %s",
                            file,
                            network.graph(2).head().parameters().get(0).name(),
                            network.id(),
                            some(weights))));
    List<String> classes = IntStream.range(0, count).mapToObj(String::valueOf).toList();
    Preprocess preprocess = preprocess(network);
    return new LoadedModel(
        file.toString(), info(network, network.width(), classes, preprocess), weights, preprocess);
  }

  /**
   * The labelled images below a folder with one folder per class. Numbered classes, which have no
   * names, are those of the folders in their order.
   *
   * @param notes is told where that was assumed
   * @throws UserError when a folder is no class of the model
   */
  public static Dataset dataset(ModelInfo info, Path root, Consumer<String> notes) {
    if (!isNumbered(info.classes())) {
      return ImageFolder.scanSome(root, info.classes());
    }
    Dataset dataset = ImageFolder.scan(root);
    requireSameClasses(info.classes(), dataset.classes(), notes);
    return dataset;
  }

  private static boolean isNumbered(List<String> classes) {
    return classes.stream().allMatch(name -> name.matches("\\d+"));
  }

  /**
   * Checks that folders are named as the classes of a model.
   *
   * @param notes is told when the classes have no names and are taken in the order of the folders
   * @throws UserError with both lists
   */
  public static void requireSameClasses(
      List<String> model, List<String> folders, Consumer<String> notes) {
    if (model.equals(folders)) {
      return;
    }
    if (!isNumbered(model) || model.size() != folders.size()) {
      throw new UserError(
          Text.format(
              "the model knows the classes %s, the data folder has %s; the folder names must be "
                  + "the class names",
              model, folders));
    }
    notes.accept(
        Text.format(
            "the model's classes have no names; they are taken in the order of the folders %s",
            folders));
  }

  private static String some(StateDict weights) {
    List<String> names = List.copyOf(weights.tensors().keySet());
    return names.size() <= 5
        ? names.toString()
        : names.subList(0, 5) + " and " + (names.size() - 5) + " more";
  }

  /** The network of a description. */
  public static Graph graph(ModelInfo info) {
    return Architecture.of(info.architecture()).graph(info.classes().size(), info.width());
  }

  /** The description of a network, with the normalisation of its published weights. */
  public static ModelInfo info(
      Architecture network, int width, List<String> classes, Preprocess preprocess) {
    return new ModelInfo(
        network.id(),
        network.variant(),
        width,
        classes,
        preprocess.size(),
        preprocess.mode().name().toLowerCase(java.util.Locale.ROOT),
        network.preprocessing().mean(),
        network.preprocessing().std(),
        preprocess.scaling().toString(),
        Map.of(),
        "");
  }

  /** How a network's published weights want their images. */
  public static Preprocess preprocess(Architecture network) {
    Preprocessing p = network.preprocessing();
    return new Preprocess(
        p.crop(),
        Preprocess.Mode.CROP,
        ImageDecoder.Options.DEFAULT,
        new Scaling(p.resize(), p.crop(), p.interpolation()));
  }

  /** How the model wants its images. */
  public static Preprocess preprocess(ModelInfo info) {
    try {
      return new Preprocess(
          info.size(),
          Preprocess.Mode.valueOf(info.resize().toUpperCase(java.util.Locale.ROOT)),
          ImageDecoder.Options.DEFAULT,
          Scaling.of(info.scaling()));
    } catch (IllegalArgumentException e) {
      throw new UserError("the metadata of jresnet are damaged: " + e.getMessage(), e);
    }
  }

  /** The input normalisation of a network's published weights. */
  public static Normalization normalization(Architecture network) {
    return new Normalization(network.preprocessing().mean(), network.preprocessing().std());
  }

  /** The model's input normalisation. */
  public static Normalization normalization(ModelInfo info) {
    return new Normalization(info.mean(), info.std());
  }

  /** Inference as the model wants it. */
  public static CompileOptions inference(ModelInfo info, int batch, int size) {
    return CompileOptions.inference(batch, size, normalization(info)).withRanges(info.ranges());
  }

  /**
   * Copies weights into a model; names and shapes must agree exactly, and all values be finite.
   *
   * @return what was tolerated and the user should know
   * @throws UserError listing all differences
   */
  public static List<String> load(Model model, StateDict weights, String source) {
    StrictReport report = requireFits(model.graph(), weights, source);
    for (Parameter p : model.graph().parameters()) {
      HostTensor tensor = weights.tensors().get(p.name());
      if (p.role() != Parameter.Role.BATCHES_TRACKED) {
        model.set(p.name(), ParameterCheck.values(p, tensor, source));
      } else if (tensor != null) {
        model.setBatchesTracked(p.name(), ParameterCheck.count(p, tensor, source));
      }
    }
    return report.notes();
  }

  private static StrictReport requireFits(Graph graph, StateDict weights, String source) {
    StrictReport report = StrictReport.compare(graph.parameters(), weights);
    if (!report.clean()) {
      List<String> lines = new ArrayList<>(report.lines());
      Set<String> head = headNames(graph);
      if (report.missing().isEmpty()
          && report.unexpected().isEmpty()
          && report.misshapen().stream()
              .allMatch(m -> head.stream().anyMatch(name -> m.startsWith(name + ":")))) {
        lines.add("Only the classifier differs: its number of classes is not that of the data");
      }
      throw new UserError(
          Text.format("%s does not fit %s with %s classes:", source, graph.name(), graph.classes()),
          lines);
    }
    return report;
  }

  /**
   * The values of a model's parameters by name, checked as {@link #load} does: names and shapes at
   * once, values when they are asked for.
   */
  public static Function<String, float[]> values(LoadedModel loaded) {
    Graph graph = loaded.graph();
    requireFits(graph, loaded.weights(), loaded.source());
    Map<String, Parameter> parameters =
        graph.parameters().stream().collect(Collectors.toMap(Parameter::name, p -> p));
    return name ->
        ParameterCheck.values(
            parameters.get(name), loaded.weights().tensors().get(name), loaded.source());
  }

  /**
   * Checks the values of a network's parameters, as {@link #load} does.
   *
   * @throws UserError naming the first that is not finite, or a negative variance
   */
  public static void requireSound(Architecture network, StateDict weights, String source) {
    for (Parameter p : network.graph(2).parameters()) {
      HostTensor tensor = weights.tensors().get(p.name());
      if (tensor != null && p.role() != Parameter.Role.BATCHES_TRACKED) {
        List<Integer> shape = tensor.shape().stream().map(Math::toIntExact).toList();
        ParameterCheck.values(new Parameter(p.name(), shape, p.role()), tensor, source);
      } else if (tensor != null) {
        ParameterCheck.count(p, tensor, source);
      }
    }
  }

  /** Weights without their classifier, or with it where it may stay; says what it did. */
  static StateDict forTraining(
      StateDict weights, Graph graph, boolean newHead, Consumer<String> notes) {
    OptionalInt found = KnownNetworks.classes(graph, weights);
    if (found.isEmpty() || found.getAsInt() == graph.classes() && !newHead) {
      return weights;
    }
    notes.accept(
        Text.format(
            "the classifier (%s) starts anew: the weights know %s classes, the data have %s",
            graph.head().name(), found.getAsInt(), graph.classes()));
    Map<String, HostTensor> rest = new LinkedHashMap<>(weights.tensors());
    rest.keySet().removeAll(headNames(graph));
    return new StateDict(rest, weights.metadata(), weights.notes());
  }

  /** Adds what {@link #forTraining} took out, with the model's present values. */
  static StateDict withHead(StateDict weights, Model model) {
    Map<String, HostTensor> all = new LinkedHashMap<>(weights.tensors());
    for (Parameter p : model.graph().head().parameters()) {
      all.computeIfAbsent(p.name(), name -> HostTensor.ofFloats(shape(p), model.get(name)));
    }
    return new StateDict(all, weights.metadata(), weights.notes());
  }

  private static Set<String> headNames(Graph graph) {
    return graph.head().parameters().stream().map(Parameter::name).collect(Collectors.toSet());
  }

  private static List<Long> shape(Parameter p) {
    return p.shape().stream().map(Integer::longValue).toList();
  }

  /**
   * The model's values in single precision, in torch's order; large tensors are live views where
   * the backend allows it.
   */
  public static StateDict stateDict(Model model, Map<String, String> metadata) {
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    for (Parameter p : model.graph().parameters()) {
      if (p.role() == Parameter.Role.BATCHES_TRACKED) {
        tensors.put(p.name(), HostTensor.ofLongs(List.of(), model.batchesTracked(p.name())));
      } else if (model.tensor(p.name()).type() == org.jresnet.graph.DType.F32) {
        tensors.put(p.name(), CheckpointFile.raw(model.tensor(p.name()), shape(p)));
      } else {
        tensors.put(p.name(), HostTensor.ofFloats(shape(p), model.get(p.name())));
      }
    }
    return new StateDict(tensors, metadata);
  }

  /** Writes a model file with its description. */
  public static void save(Model model, ModelInfo info, Path file) {
    WeightFiles.write(file, stateDict(model, info.toMetadata()));
  }
}
