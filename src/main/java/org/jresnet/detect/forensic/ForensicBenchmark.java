package org.jresnet.detect.forensic;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Degradation;
import org.jresnet.data.Degradation.Kind;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.RgbImage;
import org.jresnet.detect.fingerprint.Remover;
import org.jresnet.detect.fingerprint.RemoverTraining;
import org.jresnet.detect.forensic.ForensicSet.Part;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable;
import org.jresnet.models.Architecture;
import org.jresnet.train.Classifier;
import org.jresnet.train.Evaluator;
import org.jresnet.train.ModelFiles;
import org.jresnet.train.RunFolder;
import org.jresnet.train.TrainOptions.ScheduleOptions;
import org.jresnet.train.Trainer;
import org.jresnet.train.Training;

/**
 * Trains detectors of simulated generators and measures them where they are strong and where they
 * are not: against other generators, against real images that were only scaled, under degradations,
 * after the removal of fingerprints, and after training on that.
 */
public final class ForensicBenchmark {
  private static final int BATCH = 20;

  /**
   * Seeds of the two autoencoders: the one that attacks knows nothing of the one that generates.
   */
  private static final int GENERATOR = 1;

  private static final int ATTACK = 2;

  /** Of the generating autoencoder: it must draw well. */
  private static final int GENERATOR_LATENT = 64;

  /** Of the attack, the published one. */
  private static final int ATTACK_LATENT = 32;

  /** What the hardened detector's images meet, three in ten. */
  private static final List<Degradation> HARDENING =
      List.of(
          new Degradation(Kind.JPEG, 80),
          new Degradation(Kind.JPEG, 60),
          new Degradation(Kind.DOWNSCALE, 0.75),
          new Degradation(Kind.BLUR, 0.5),
          new Degradation(Kind.NOISE, 3));

  /** What test images meet; empty for nothing. */
  private static final List<Optional<Degradation>> GRID =
      Stream.concat(
              Stream.of(Optional.<Degradation>empty()),
              Degradation.grid(List.of(Kind.JPEG, Kind.DOWNSCALE, Kind.BLUR, Kind.NOISE)).stream()
                  .map(Optional::of))
          .toList();

  /** The small network of the registry is enough for drawings. */
  private static final String NETWORK = Architecture.all().get(0).id();

  /** Told what is being done. */
  public interface Listener {
    /** A step of the benchmark begins. */
    void stage(String what);

    /** Parts of it that are done. */
    void progress(int done, int of);
  }

  private final ForensicSettings settings;
  private final Path out;
  private final Compute compute;
  private final Listener listener;
  private final ForensicSet set;

  /**
   * A benchmark.
   *
   * @param out folder for images, detectors and {@code forensic.json}; new or empty
   * @throws UserError when it is not
   */
  public ForensicBenchmark(
      ForensicSettings settings, Path out, Compute compute, Listener listener) {
    this.settings = settings;
    this.out = out;
    this.compute = compute;
    this.listener = listener;
    requireEmpty(out);
    set = new ForensicSet(out.resolve("images"), settings);
  }

  /** Refuses a folder that holds something. */
  public static void requireEmpty(Path out) {
    if (!Files.exists(out)) {
      return;
    }
    if (!Files.isDirectory(out)) {
      throw new UserError(Text.format("--out %s is a file; name a folder", out));
    }
    try (Stream<Path> entries = Files.list(out)) {
      if (entries.findAny().isPresent()) {
        throw new UserError(
            Text.format(
                "the output folder %s is not empty, and nothing is replaced; delete it or choose "
                    + "another --out",
                out));
      }
    } catch (IOException e) {
      throw new UserError(Text.format("the output folder %s cannot be read: %s", out, e), e);
    }
  }

  /** Runs everything. */
  public ForensicResult run() {
    long start = System.nanoTime();
    listener.stage(
        Text.format(
            "Drawing %s scenes in %s kinds",
            settings.scenes(), set.drawings() / settings.scenes()));
    set.draw(done -> listener.progress(done, set.drawings()));
    try (Remover generator = remover("generator", GENERATOR, GENERATOR_LATENT)) {
      set.generate(generator);
    }
    Map<String, Double> psnr;
    try (Remover attack = remover("attack", ATTACK, ATTACK_LATENT)) {
      listener.stage("Removing fingerprints");
      psnr = attack(attack);
    }
    List<Detector> detectors = Detector.all();
    Map<String, ForensicResult.Row> rows = new LinkedHashMap<>();
    List<ForensicResult.Degraded> degraded = new ArrayList<>();
    for (Detector detector : detectors) {
      listener.stage("Training the detector " + detector.name());
      Path run = train(detector);
      try (Classifier classifier =
          Classifier.open(ModelFiles.open(run, Optional.empty()), compute, note -> {})) {
        rows.put(detector.name(), measure(classifier));
        if (detector.name().equals(Detector.ALL) || detector.hardened()) {
          degraded.addAll(degraded(detector.name(), classifier));
        }
      }
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    ForensicResult result = new ForensicResult(settings, rows, degraded, psnr, seconds);
    result.write(out);
    return result;
  }

  /** Trains an autoencoder on the camera's images of the training scenes. */
  private Remover remover(String name, int seed, int latent) {
    listener.stage(Text.format("Training the autoencoder '%s'", name));
    List<Path> images =
        set.scenes(Part.TRAIN).stream().map(s -> set.file(ForensicSet.CAMERA, s)).toList();
    Path folder = out.resolve("autoencoders").resolve(name);
    RemoverTraining.Listener epochs =
        new RemoverTraining.Listener() {
          @Override
          public void batchDone(int epoch, int batch, int batches, double error) {}

          @Override
          public void epochDone(int epoch, double train, double heldOut, boolean best) {
            listener.progress(epoch, settings.removerEpochs());
          }
        };
    new RemoverTraining(
            settings.remover(seed, latent), images, folder, compute, epochs, () -> false)
        .run(false);
    return Remover.open(folder, compute);
  }

  /** Removes fingerprints of all fakes of the test, and of what the hardened detector trains on. */
  private Map<String, Double> attack(Remover remover) {
    Map<String, Double> psnr = new LinkedHashMap<>();
    List<Integer> test = set.scenes(Part.TEST);
    for (String generator : ForensicSet.generators()) {
      psnr.put(
          generator,
          test.stream()
              .mapToDouble(s -> set.remove(generator, s, remover))
              .average()
              .orElseThrow());
    }
    test.forEach(s -> set.remove(ForensicSet.CAMERA, s, remover));
    Detector plain = new Detector(Detector.ALL, ForensicSet.generators(), Detector.Hardening.NONE);
    for (Part part : List.of(Part.TRAIN, Part.VAL)) {
      for (int scene : set.scenes(part)) {
        if (Detector.inTurn(scene)) {
          set.remove(plain.real(scene), scene, remover);
          set.remove(plain.fake(scene), scene, remover);
        }
      }
    }
    return psnr;
  }

  private Path train(Detector detector) {
    Path run = out.resolve("detectors").resolve(detector.name());
    Path split = out.resolve("images").resolve(detector.name() + ".csv");
    set.writeSplit(detector, split);
    Augmentation augmentation = Augmentation.NONE.withFlip(0.5);
    Training training =
        Training.on(set.folder())
            .splitCsv(split.toString())
            .positive(ForensicSet.GENERATED)
            .architecture(NETWORK)
            .width(settings.width())
            .zeroInit()
            .size(settings.size())
            .augmentation(
                detector.hardened() ? augmentation.withDegradations(0.3, HARDENING) : augmentation)
            .badImages(BadImages.STOP)
            .epochs(settings.epochs())
            .batch(BATCH)
            .schedule(ScheduleOptions.Kind.COSINE)
            .warmup(0.5)
            .finalFactor(0.01)
            .seed(settings.seed());
    try (RunFolder folder = RunFolder.open(run, RunFolder.Existing.REFUSE, note -> {})) {
      training
          .trainer(
              folder,
              compute,
              new org.jresnet.train.TrainingListener() {
                @Override
                public void note(String text) {}

                @Override
                public void epochFinished(org.jresnet.train.EpochResult epoch, boolean best) {
                  listener.progress(epoch.epoch(), settings.epochs());
                }
              })
          .run(Trainer.Contents.TRUSTED);
    }
    return run;
  }

  private ForensicResult.Row measure(Classifier classifier) {
    List<Integer> test = set.scenes(Part.TEST);
    try (Executable executable = classifier.compile(BATCH)) {
      double[] camera = scores(executable, classifier, set.images(ForensicSet.CAMERA, test));
      double[] bicubic = scores(executable, classifier, set.images(ForensicSet.BICUBIC, test));
      Map<String, Cell> against = new LinkedHashMap<>();
      Map<String, Cell> scaled = new LinkedHashMap<>();
      Map<String, Cell> removed = new LinkedHashMap<>();
      for (String g : ForensicSet.generators()) {
        double[] fakes = scores(executable, classifier, set.images(g, test));
        double[] clean = scores(executable, classifier, set.images(ForensicSet.removed(g), test));
        against.put(g, Cell.of(camera, fakes));
        scaled.put(g, Cell.of(bicubic, fakes));
        removed.put(g, Cell.of(camera, clean));
      }
      String redrawn = ForensicSet.removed(ForensicSet.CAMERA);
      double alarms = Cell.above(scores(executable, classifier, set.images(redrawn, test)));
      return new ForensicResult.Row(against, scaled, removed, alarms);
    }
  }

  /** The camera's images against fakes of all generators in turn, both degraded. */
  private List<ForensicResult.Degraded> degraded(String detector, Classifier classifier) {
    List<Integer> test = set.scenes(Part.TEST);
    Detector all = new Detector(Detector.ALL, ForensicSet.generators(), Detector.Hardening.NONE);
    List<RgbImage> real = set.images(ForensicSet.CAMERA, test);
    List<RgbImage> fake = test.stream().map(s -> set.image(all.fake(s), s)).toList();
    List<ForensicResult.Degraded> out = new ArrayList<>();
    try (Executable executable = classifier.compile(BATCH)) {
      for (Optional<Degradation> degradation : GRID) {
        SplittableRandom random = RandomStreams.of(settings.seed(), "degradation");
        double[] reals = scores(executable, classifier, degraded(real, degradation, random));
        double[] fakes = scores(executable, classifier, degraded(fake, degradation, random));
        out.add(new ForensicResult.Degraded(detector, degradation, Cell.of(reals, fakes)));
      }
    }
    return out;
  }

  private static List<RgbImage> degraded(
      List<RgbImage> images, Optional<Degradation> degradation, SplittableRandom random) {
    return images.stream()
        .map(image -> degradation.map(d -> d.apply(image, random)).orElse(image))
        .toList();
  }

  /** Probability of being generated. */
  static double[] scores(Executable executable, Classifier classifier, List<RgbImage> images) {
    int classes = classifier.classes().size();
    int generated = classifier.classes().indexOf(ForensicSet.GENERATED);
    int bytes = executable.options().height() * executable.options().width() * 3;
    byte[] pixels = new byte[BATCH * bytes];
    double[] scores = new double[images.size()];
    for (int first = 0; first < scores.length; first += BATCH) {
      int count = Math.min(BATCH, scores.length - first);
      Arrays.fill(pixels, (byte) 0);
      for (int i = 0; i < count; i++) {
        RgbImage input = classifier.preprocess().apply(images.get(first + i));
        System.arraycopy(input.rgb(), 0, pixels, i * bytes, bytes);
      }
      float[] logits = executable.infer(pixels);
      for (int i = 0; i < count; i++) {
        scores[first + i] = Evaluator.softmax(logits, i * classes, classes)[generated];
      }
    }
    return scores;
  }
}
