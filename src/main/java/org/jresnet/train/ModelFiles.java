package org.jresnet.train;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jresnet.backend.Normalization;
import org.jresnet.base.UserError;
import org.jresnet.data.Preprocess;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Model;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;
import org.jresnet.models.ResNet;
import org.jresnet.weights.HostTensor;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.StrictReport;
import org.jresnet.weights.WeightFiles;

/** Between weight files and models. */
public final class ModelFiles {
  /** ImageNet's normalisation, which torchvision's weights expect. */
  public static final Normalization IMAGENET =
      new Normalization(List.of(0.485f, 0.456f, 0.406f), List.of(0.229f, 0.224f, 0.225f));

  private static final String HEAD = "fc.";

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
                    path
                        + " is a folder without "
                        + RunFolder.BEST
                        + "; expected a run folder of jresnet train, or a weight file"));
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
                    file + " holds a " + found + ", not the " + wanted + " of --model");
              });
      return new LoadedModel(info.get(), weights);
    }
    String model =
        architecture.orElseThrow(
            () ->
                new UserError(
                    file
                        + " does not say which network it belongs to; name it with --model, such as --model "
                        + KnownNetworks.identify(weights).orElse(ResNet.RESNET50).id()));
    HostTensor bias = weights.tensors().get(HEAD + "bias");
    if (bias == null) {
      throw new UserError(
          file
              + " has no "
              + HEAD
              + "bias, so it is no ResNet of torchvision; it has "
              + some(weights));
    }
    List<String> classes = IntStream.range(0, bias.elements()).mapToObj(String::valueOf).toList();
    return new LoadedModel(
        info(
            ResNet.of(model),
            ResNet.BASE_WIDTH,
            classes,
            new Preprocess(224, Preprocess.Mode.CROP)),
        weights);
  }

  private static String some(StateDict weights) {
    List<String> names = List.copyOf(weights.tensors().keySet());
    return names.size() <= 5
        ? names.toString()
        : names.subList(0, 5) + " and " + (names.size() - 5) + " more";
  }

  /** The description of a network with ImageNet's normalisation. */
  public static ModelInfo info(
      ResNet network, int width, List<String> classes, Preprocess preprocess) {
    return new ModelInfo(
        network.id(),
        ResNet.VARIANT,
        width,
        classes,
        preprocess.size(),
        preprocess.mode().name().toLowerCase(java.util.Locale.ROOT),
        IMAGENET.mean(),
        IMAGENET.std());
  }

  /** How the model wants its pictures. */
  public static Preprocess preprocess(ModelInfo info) {
    return new Preprocess(
        info.size(), Preprocess.Mode.valueOf(info.resize().toUpperCase(java.util.Locale.ROOT)));
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
    StrictReport report = StrictReport.compare(model.graph().parameters(), weights);
    if (!report.clean()) {
      List<String> lines = new ArrayList<>(report.lines());
      if (report.missing().isEmpty()
          && report.unexpected().isEmpty()
          && report.misshapen().stream().allMatch(m -> m.startsWith(HEAD))) {
        lines.add("Only the classifier differs: its number of classes is not that of the data");
      }
      throw new UserError(
          source
              + " does not fit "
              + model.graph().name()
              + " with "
              + model.graph().classes()
              + " classes:",
          lines);
    }
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

  /**
   * Checks the values of a network's parameters, as {@link #load} does.
   *
   * @throws UserError naming the first that is not finite, or a negative variance
   */
  public static void requireSound(ResNet network, StateDict weights, String source) {
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
    Parameter bias =
        graph.parameters().stream()
            .filter(p -> p.name().equals(HEAD + "bias"))
            .findFirst()
            .orElseThrow();
    HostTensor found = weights.tensors().get(bias.name());
    boolean fits = found != null && found.elements() == bias.elements();
    if (found == null || fits && !newHead) {
      return weights;
    }
    notes.accept(
        "the classifier (fc) starts anew: the weights know "
            + found.elements()
            + " classes, the data have "
            + bias.elements());
    Map<String, HostTensor> rest = new LinkedHashMap<>(weights.tensors());
    rest.keySet().removeIf(name -> name.startsWith(HEAD));
    return new StateDict(rest, weights.metadata(), weights.notes());
  }

  /** Adds what {@link #forTraining} took out, with the model's present values. */
  static StateDict withHead(StateDict weights, Model model) {
    Map<String, HostTensor> all = new LinkedHashMap<>(weights.tensors());
    for (Parameter p : model.graph().parameters()) {
      if (p.name().startsWith(HEAD)) {
        all.computeIfAbsent(p.name(), name -> HostTensor.ofFloats(shape(p), model.get(name)));
      }
    }
    return new StateDict(all, weights.metadata(), weights.notes());
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
