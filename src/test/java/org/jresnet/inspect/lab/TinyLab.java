package org.jresnet.inspect.lab;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jresnet.backend.Precision;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Sample;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Model;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Op;
import org.jresnet.models.Architecture;
import org.jresnet.testing.SeededWeights;
import org.jresnet.train.Classifier;
import org.jresnet.train.ModelFiles;
import org.jresnet.weights.ModelInfo;

/** A narrow network with seeded weights, and a few drawn faces. */
final class TinyLab implements AutoCloseable {
  static final int SIZE = 32;
  private static final int IMAGES = 24;

  final Compute compute;
  final Classifier classifier;
  final List<Sample> samples;
  final LabSettings settings;
  final Notes notes = new Notes();
  private final Model model;

  /** Hears everything, does nothing. */
  static final class Notes implements LabListener {
    final List<String> texts = new ArrayList<>();

    @Override
    public void begins(Experiment experiment) {
      texts.add("begins " + experiment.id());
    }

    @Override
    public void step(String what) {}

    @Override
    public void note(String text) {
      texts.add(text);
    }

    @Override
    public void found(LabIndex.Entry entry) {
      texts.add("found " + entry.id());
    }
  }

  private TinyLab(Graph graph, BackendKind backend, Path faces) {
    compute =
        Compute.open(backend, backend == BackendKind.REFERENCE ? Precision.FP64 : Precision.FP32);
    model = new Model(graph, compute.backend(), compute.precision());
    new SeededWeights(11).into(model);
    Architecture network = Architecture.of("resnet18");
    ModelInfo info =
        ModelFiles.info(
            network,
            4,
            List.of("camera", "generated"),
            new Preprocess(SIZE, Preprocess.Mode.STRETCH));
    classifier = Classifier.of(model, info);
    samples = ImageFolder.scan(faces).samples();
    settings = new LabSettings(faces, 8, 4, 1, 7, 1);
  }

  /** A network in a lab. */
  static TinyLab of(Graph graph, BackendKind backend, Path faces) {
    return new TinyLab(graph, backend, faces);
  }

  /** A ResNet-18 with 4 channels in the stem. */
  static TinyLab open(BackendKind backend, Path faces) {
    return of(Architecture.of("resnet18").graph(2, 4), backend, faces);
  }

  /** Three blocks that are built alike, so that hundreds of them can be compiled. */
  static TinyLab small(Path faces) {
    Graph.Builder g = Graph.builder("small", 3);
    int x = g.add("conv1", new Conv2d(3, 4, 7, 4, 3), 0);
    x = g.add("relu1", Activation.relu(), g.add("bn1", new Op.BatchNorm(4, 1e-5, 0.1), x));
    for (int i = 0; i < 3; i++) {
      String at = "layer1." + i + ".";
      int f = g.add(at + "conv1", new Conv2d(4, 4, 3, 1, 1), x);
      f = g.add(at + "bn1", new Op.BatchNorm(4, 1e-5, 0.1), f);
      x = g.add(at + "relu", Activation.relu(), g.add(at + "add", new Op.Add(), f, x));
    }
    g.add("fc", new Op.Linear(4, 2), g.add("avgpool", new Op.GlobalAvgPool(), x));
    return of(g.build(), BackendKind.CPU, faces);
  }

  static void draw(Path faces) {
    DrawnFaces.write(faces, new DrawnFaces.Options(IMAGES / 2, SIZE, 9), done -> {});
  }

  LabContext context(Path runs) {
    return context(runs, () -> false);
  }

  private LabContext context(Path runs, BooleanSupplier stop) {
    Images images =
        Images.read(
            samples, settings.images(), settings.seed(), classifier.preprocess(), notes::note);
    return new LabContext(classifier, images, compute, settings, runs, notes, stop);
  }

  @Override
  public void close() {
    model.close();
    compute.close();
  }
}
