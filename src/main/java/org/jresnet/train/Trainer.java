package org.jresnet.train;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import javax.imageio.ImageIO;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Precision;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.UserError;
import org.jresnet.data.Batch;
import org.jresnet.data.Dataset;
import org.jresnet.data.ImageFolder;
import org.jresnet.data.Loader;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;
import org.jresnet.data.Split.Part;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.graph.Graph;
import org.jresnet.metrics.Curves;
import org.jresnet.models.ResNet;
import org.jresnet.train.TrainOptions.OptimizerOptions;
import org.jresnet.weights.ModelInfo;
import org.jresnet.weights.StateDict;
import org.jresnet.weights.WeightFiles;

/**
 * A training run: epochs of steps, validation after each, the best epoch kept, the sealed part
 * judged once in the end. An interrupted and resumed run ends in the same bytes as an uninterrupted
 * one (same backend and threads).
 */
public final class Trainer {
  /** Pictures per validation pass; larger ones only cost memory. */
  private static final int MAX_EVALUATION_BATCH = 16;

  /** How a run ended. */
  public enum End {
    /** All epochs are done. */
    COMPLETED,
    /** No improvement for the given number of epochs. */
    STOPPED_EARLY,
    /** Asked to stop; {@code --resume} goes on from here. */
    INTERRUPTED
  }

  /**
   * What came out.
   *
   * @param end how the run ended
   * @param history results of all epochs so far
   * @param best the best epoch, if one is complete
   * @param test the best epoch on the sealed part, if there is one and the run is over
   * @param badImages training files that could not be decoded
   */
  public record Outcome(
      End end,
      List<EpochResult> history,
      Optional<EpochResult> best,
      Optional<Evaluation> test,
      java.util.Map<String, String> badImages) {}

  private final TrainOptions options;
  private final RunFolder folder;
  private final Backend backend;
  private final String version;
  private final TrainingListener listener;
  private volatile boolean stopRequested;

  /** A run with options whose {@code auto}s are resolved. */
  public Trainer(
      TrainOptions options,
      RunFolder folder,
      Backend backend,
      String version,
      TrainingListener listener) {
    this.options = options;
    this.folder = folder;
    this.backend = backend;
    this.version = version;
    this.listener = listener;
  }

  /**
   * Asks the run to stop after the current step with a checkpoint; may be called from any thread.
   */
  public void requestStop() {
    stopRequested = true;
  }

  /** Runs to the end, or until {@link #requestStop}. */
  public Outcome run(RunFolder.Existing existing) {
    Split split = split();
    List<Sample> train = split.part(Part.TRAIN);
    int batch = Math.min(options.batch(), train.size());
    if (batch < options.batch()) {
      listener.note(
          "the batch is " + batch + ", because there are only " + batch + " training pictures");
    }
    ResNet network = ResNet.of(options.network().model());
    Graph graph = network.graph(split.classes().size(), options.network().width());
    Set<String> frozen = Freezing.names(graph, options.network().freeze());
    ModelInfo info =
        ModelFiles.info(
            network, options.network().width(), split.classes(), options.input().preprocess());
    RunRecord record = record(split);
    if (existing == RunFolder.Existing.RESUME) {
      requireSame(folder.record(), record);
    }
    int size = options.input().preprocess().size();
    try (Model model = new Model(graph, backend, Precision.of(options.network().precision()));
        OptimizerState optimizer =
            new OptimizerState(model, optimizer(options.optimizer()), frozen)) {
      initialize(model, graph);
      Checkpoint start = Checkpoint.START;
      if (existing == RunFolder.Existing.RESUME) {
        start = Checkpoint.load(folder.file(RunFolder.LAST), model, optimizer);
      }
      CompileOptions training =
          CompileOptions.training(batch, size, ModelFiles.normalization(info))
              .withLoss(options.loss().labelSmoothing(), classWeights(split))
              .withFrozen(frozen);
      int evaluationBatch = Math.min(MAX_EVALUATION_BATCH, split.part(Part.VAL).size());
      CompileOptions inference =
          CompileOptions.inference(evaluationBatch, size, ModelFiles.normalization(info));
      Loader.Options loading =
          new Loader.Options(
              batch,
              options.input().threads(),
              options.seed(),
              Loader.Order.SHUFFLED,
              options.input().badImages());
      try (Executable step = Executable.compile(model, training);
          Executable validation = step.compileGuest(inference);
          Loader loader =
              new Loader(
                  train, options.input().preprocess(), options.input().augmentation(), loading)) {
        folder.write(record);
        AtomicFile.write(folder.file(RunFolder.SPLIT), String.join("\n", split.csv()) + "\n");
        Run run = new Run(model, optimizer, step, validation, loader, split, info);
        return run.from(start);
      }
    }
  }

  private Split split() {
    TrainOptions.SplitOptions s = options.split();
    Path root = ImageFolder.expand(options.data());
    Split split =
        s.csv().isEmpty()
            ? Split.of(root, s.fractions(), options.seed(), s.group())
            : Split.readCsv(Path.of(s.csv()), root);
    List<Sample> all = new ArrayList<>();
    split.parts().values().forEach(all::addAll);
    new Dataset(split.classes(), all, 0).onlyFakesWarning().ifPresent(listener::note);
    return split;
  }

  private RunRecord record(Split split) {
    List<Sample> all = new ArrayList<>();
    split.parts().values().forEach(all::addAll);
    all.sort(java.util.Comparator.comparing(Sample::id));
    String weights = options.network().weights();
    return new RunRecord(
        options,
        split.classes(),
        new Dataset(split.classes(), all, 0).hash(),
        split.hash(),
        weights.isEmpty() ? "" : sha256(Path.of(weights)),
        version,
        System.getProperty("java.version"),
        backend.description());
  }

  private static String sha256(Path file) {
    try (var in =
        new DigestInputStream(Files.newInputStream(file), MessageDigest.getInstance("SHA-256"))) {
      in.transferTo(java.io.OutputStream.nullOutputStream());
      return HexFormat.of().formatHex(in.getMessageDigest().digest());
    } catch (NoSuchFileException e) {
      throw new UserError("the weight file " + file + " does not exist", e);
    } catch (IOException e) {
      throw new UserError("the weight file " + file + " cannot be read: " + e, e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java runtime has SHA-256", e);
    }
  }

  /** Refuses a resume that could not end in the bytes of the uninterrupted run. */
  private void requireSame(RunRecord then, RunRecord now) {
    List<String> differences = new ArrayList<>();
    differ(differences, "data", then.dataHash(), now.dataHash());
    differ(differences, "split", then.splitHash(), now.splitHash());
    differ(differences, "start weights", then.weightsHash(), now.weightsHash());
    differ(differences, "options", comparable(then.options()), comparable(now.options()));
    if (!differences.isEmpty()) {
      throw new UserError(
          folder.path()
              + " cannot be resumed, the run was started differently: "
              + String.join("; ", differences));
    }
    if (!then.backend().equals(now.backend())) {
      listener.note(
          "the run was started with "
              + then.backend()
              + " and goes on with "
              + now.backend()
              + "; its result will differ in the last bits");
    }
  }

  private static void differ(List<String> differences, String what, Object then, Object now) {
    if (!then.equals(now)) {
      differences.add(what + " was " + then + ", is " + now);
    }
  }

  /** Options that do not change what is computed, made equal. */
  private static TrainOptions comparable(TrainOptions o) {
    TrainOptions.InputOptions in = o.input();
    boolean cosine = o.schedule().kind().equals("cosine");
    return new TrainOptions(
        "",
        o.split(),
        o.network(),
        new TrainOptions.InputOptions(in.preprocess(), in.augmentation(), in.badImages(), 1),
        cosine ? o.epochs() : 1,
        o.batch(),
        o.accumulate(),
        o.optimizer(),
        o.schedule(),
        o.loss(),
        o.clip(),
        0,
        o.seed());
  }

  private static Optimizer optimizer(OptimizerOptions o) {
    return switch (o.kind()) {
      case "adam" -> new Optimizer.Adam(o.beta1(), o.beta2(), o.eps(), o.weightDecay());
      case "adamw" -> new Optimizer.AdamW(o.beta1(), o.beta2(), o.eps(), o.weightDecay());
      case "sgd" -> new Optimizer.Sgd(o.momentum(), o.weightDecay());
      default -> throw new IllegalStateException(o.kind());
    };
  }

  private void initialize(Model model, Graph graph) {
    TrainOptions.NetworkOptions n = options.network();
    model.initialize(options.seed(), n.zeroInit() ? Model.BlockEnd.ZERO : Model.BlockEnd.ONE);
    if (!n.weights().isEmpty()) {
      StateDict weights = WeightFiles.read(Path.of(n.weights()));
      weights.notes().forEach(note -> listener.note(n.weights() + ": " + note));
      StateDict fitting = ModelFiles.forTraining(weights, graph, n.newHead(), listener::note);
      ModelFiles.load(model, ModelFiles.withHead(fitting, model), n.weights())
          .forEach(listener::note);
    }
  }

  private List<Double> classWeights(Split split) {
    String text = options.loss().classWeights();
    if (text.equals("none")) {
      return List.of();
    }
    int k = split.classes().size();
    List<Sample> train = split.part(Part.TRAIN);
    if (text.equals("balanced")) {
      List<Double> weights = new ArrayList<>();
      for (int label = 0; label < k; label++) {
        int wanted = label;
        weights.add(
            (double) train.size() / k / train.stream().filter(s -> s.label() == wanted).count());
      }
      return weights;
    }
    try {
      List<Double> weights = Arrays.stream(text.split(",")).map(Double::valueOf).toList();
      if (weights.size() == k && weights.stream().allMatch(w -> w > 0)) {
        return weights;
      }
    } catch (NumberFormatException e) {
      // reported below
    }
    throw new UserError(
        "class weights are none, balanced, or "
            + k
            + " positive numbers separated by commas (for "
            + String.join(", ", split.classes())
            + "), found '"
            + text
            + "'");
  }

  /** The mutable state of a run. */
  private final class Run {
    private final Model model;
    private final OptimizerState optimizer;
    private final Executable step;
    private final Executable validation;
    private final Loader loader;
    private final Split split;
    private final ModelInfo info;
    private final Schedule schedule;
    private final int batches;
    private final List<EpochResult> history = new ArrayList<>();
    private LossScale lossScale;
    private int bestEpoch;

    Run(
        Model model,
        OptimizerState optimizer,
        Executable step,
        Executable validation,
        Loader loader,
        Split split,
        ModelInfo info) {
      this.model = model;
      this.optimizer = optimizer;
      this.step = step;
      this.validation = validation;
      this.loader = loader;
      this.split = split;
      this.info = info;
      // Whole accumulation groups only: every picture that is seen counts in a step.
      batches = loader.batches() / options.accumulate() * options.accumulate();
      if (batches == 0) {
        throw new UserError(
            "there are only "
                + loader.batches()
                + " batches of "
                + step.options().batch()
                + " pictures, fewer than the "
                + options.accumulate()
                + " that are accumulated for one step");
      }
      schedule =
          new Schedule(
              options.schedule(),
              options.optimizer().learningRate(),
              batches / options.accumulate(),
              options.epochs());
    }

    Outcome from(Checkpoint start) {
      lossScale =
          new LossScale(
              model.precision(),
              start.lossScale() == null ? LossScale.State.START : start.lossScale());
      history.addAll(start.history());
      bestEpoch = start.bestEpoch();
      Checkpoint position = start;
      for (int epoch = start.epoch(); epoch < options.epochs(); epoch++) {
        if (patienceIsOver()) {
          return outcome(End.STOPPED_EARLY);
        }
        Optional<Checkpoint> interrupted = epoch(epoch, position);
        if (interrupted.isPresent()) {
          interrupted.get().save(folder.file(RunFolder.LAST), model, optimizer);
          return outcome(End.INTERRUPTED);
        }
        position = completed(epoch + 1);
        position.save(folder.file(RunFolder.LAST), model, optimizer);
      }
      return outcome(patienceIsOver() ? End.STOPPED_EARLY : End.COMPLETED);
    }

    private Checkpoint completed(int epochs) {
      return new Checkpoint(
          epochs,
          0,
          0,
          0,
          0,
          optimizer.steps(),
          lossScale.state(),
          bestEpoch,
          List.copyOf(history));
    }

    private boolean patienceIsOver() {
      return options.patience() > 0
          && bestEpoch > 0
          && history.size() - bestEpoch >= options.patience();
    }

    /** One epoch with validation; where it was interrupted, if it was. */
    private Optional<Checkpoint> epoch(int epoch, Checkpoint position) {
      double lossSum = position.lossSum();
      long correct = position.correct();
      long seen = position.seen();
      long fresh = 0;
      long waited = 0;
      double rate = 0;
      int size = step.options().batch();
      listener.epochStarted(epoch + 1, options.epochs(), position.batch(), batches);
      long begin = System.nanoTime();
      loader.takeWaitNanos();
      try (Loader.Epoch pictures = loader.epoch(epoch, position.batch())) {
        for (int b = position.batch(); b < batches; b++) {
          Batch batch = pictures.next();
          int micro = b % options.accumulate();
          if (micro == 0) {
            step.setGradientFactor(lossScale.factor());
          }
          double loss = step.step(batch.pixels(), batch.labels());
          optimizer.accumulate(micro, options.accumulate());
          boolean complete = micro == options.accumulate() - 1;
          if (complete) {
            rate = schedule.rate(optimizer.steps());
            update(loss, rate, epoch, b);
          } else {
            requireFinite(loss, epoch, b);
          }
          lossSum += loss * size;
          correct += step.correct();
          seen += size;
          fresh += size;
          waited += loader.takeWaitNanos();
          double seconds = (System.nanoTime() - begin) / 1e9;
          listener.batchDone(b + 1, lossSum / seen, fresh / seconds, waited / 1e9 / seconds);
          if (stopRequested && complete && b + 1 < batches) {
            return Optional.of(
                new Checkpoint(
                    epoch,
                    b + 1,
                    lossSum,
                    correct,
                    seen,
                    optimizer.steps(),
                    lossScale.state(),
                    bestEpoch,
                    List.copyOf(history)));
          }
        }
      }
      double trainSeconds = (System.nanoTime() - begin) / 1e9;
      Evaluation val = validate(split.part(Part.VAL));
      EpochResult result =
          new EpochResult(
              epoch + 1,
              rate,
              lossSum / seen,
              (double) correct / seen,
              val.loss(),
              val.confusion().accuracy(),
              fresh / trainSeconds,
              waited / 1e9 / trainSeconds,
              (System.nanoTime() - begin) / 1e9);
      history.add(result);
      boolean best = bestEpoch == 0 || result.betterThan(history.get(bestEpoch - 1));
      if (best) {
        bestEpoch = epoch + 1;
        ModelFiles.save(model, info, folder.file(RunFolder.BEST));
      }
      folder.writeMetrics(history);
      drawCurves();
      listener.epochFinished(result, best);
      if (stopRequested && epoch + 1 < options.epochs()) {
        return Optional.of(completed(epoch + 1));
      }
      return Optional.empty();
    }

    private void update(double loss, double rate, int epoch, int batch) {
      requireFinite(loss, epoch, batch);
      double scale = 1 / (lossScale.factor() * options.accumulate());
      double norm = optimizer.gradientNorm() * scale;
      if (!lossScale.accepts(norm)) {
        return;
      }
      requireFinite(norm, epoch, batch);
      if (options.clip() > 0) {
        // torch.nn.utils.clip_grad_norm_
        scale *= Math.min(1, options.clip() / (norm + 1e-6));
      }
      optimizer.step(rate, scale);
    }

    private void requireFinite(double value, int epoch, int batch) {
      if (!Double.isFinite(value)) {
        throw new UserError(
            "training diverged in epoch "
                + (epoch + 1)
                + ", batch "
                + (batch + 1)
                + ": "
                + step.blameNonFinite()
                + " is not finite. Try a lower --lr, --clip 1, or --warmup; "
                + (Files.exists(folder.file(RunFolder.LAST))
                    ? RunFolder.LAST + " still holds the last good state"
                    : "nothing was saved yet"));
      }
    }

    private Evaluation validate(List<Sample> samples) {
      validation.parametersChanged();
      return Evaluator.evaluate(
          validation,
          split.classes(),
          samples,
          new Evaluator.LoaderOptions(
              options.input().preprocess(), options.input().threads(), options.input().badImages()),
          done -> {});
    }

    private void drawCurves() {
      BufferedImage picture =
          Curves.draw(
              List.of(
                  new Curves.Curve(
                      "training", history.stream().map(EpochResult::trainLoss).toList()),
                  new Curves.Curve(
                      "validation", history.stream().map(EpochResult::valLoss).toList())),
              List.of(
                  new Curves.Curve(
                      "training", history.stream().map(r -> 100 * r.trainAccuracy()).toList()),
                  new Curves.Curve(
                      "validation", history.stream().map(r -> 100 * r.valAccuracy()).toList())));
      ByteArrayOutputStream png = new ByteArrayOutputStream();
      try {
        ImageIO.write(picture, "png", png);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      AtomicFile.write(
          folder.file(RunFolder.CURVES),
          channel -> AtomicFile.writeFully(channel, ByteBuffer.wrap(png.toByteArray())));
    }

    private Outcome outcome(End end) {
      Optional<EpochResult> best =
          bestEpoch == 0 ? Optional.empty() : Optional.of(history.get(bestEpoch - 1));
      Optional<Evaluation> test = Optional.empty();
      if (end != End.INTERRUPTED && best.isPresent() && !split.part(Part.TEST).isEmpty()) {
        ModelFiles.load(model, WeightFiles.read(folder.file(RunFolder.BEST)), RunFolder.BEST);
        test = Optional.of(validate(split.part(Part.TEST)));
      }
      return new Outcome(end, List.copyOf(history), best, test, loader.badImages());
    }
  }
}
