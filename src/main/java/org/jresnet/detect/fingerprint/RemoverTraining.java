package org.jresnet.detect.fingerprint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jresnet.backend.UpdateRule;
import org.jresnet.base.AtomicFile;
import org.jresnet.base.Digests;
import org.jresnet.base.Json;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.base.Version;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Batch;
import org.jresnet.data.Loader;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Sample;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.engine.OptimizerState;
import org.jresnet.loss.Objective;
import org.jresnet.models.Autoencoder;

/**
 * Trains an autoencoder on real images: mean squared error, Adam, one in ten images held out. The
 * folder then holds {@code autoencoder.safetensors}, the epoch with the smallest error on the
 * held-out images; {@code last.ckpt}, from which it goes on to the same bytes; and {@code
 * fingerprint.json}.
 *
 * <p>Keys of {@code fingerprint.json}: {@code options} ({@link RemoverOptions}), {@code images} and
 * {@code held_out}, their numbers; {@code epochs}, each with {@code epoch}, {@code trainError} and
 * {@code heldOutError} (mean squared error between values from 0 to 1); {@code best_epoch}; {@code
 * best_psnr} in decibels; {@code bad_images}, the reasons; {@code backend}; {@code jresnet}.
 */
public final class RemoverTraining {
  /** The record of the training. */
  public static final String RECORD = "fingerprint.json";

  /** One image in so many is held out. */
  private static final int HELD_OUT = 10;

  private static final int THREADS = 2;

  /** Told how it goes. */
  public interface Listener {
    /** So many batches of an epoch are done, with this mean error. */
    void batchDone(int epoch, int batch, int batches, double error);

    /** An epoch is done: the error of its batches and on held-out images. */
    void epochDone(int epoch, double trainError, double heldOutError, boolean best);
  }

  private final RemoverOptions options;
  private final Path out;
  private final Compute compute;
  private final Listener listener;
  private final BooleanSupplier stop;
  private final List<Sample> training = new ArrayList<>();
  private final List<Sample> heldOut = new ArrayList<>();

  /**
   * A training.
   *
   * @param images at least one batch and a held-out one
   * @param out the folder to write
   * @param stop asked after every step; a training that stops writes a checkpoint
   * @throws UserError when there are too few images
   */
  public RemoverTraining(
      RemoverOptions options,
      List<Path> images,
      Path out,
      Compute compute,
      Listener listener,
      BooleanSupplier stop) {
    this.out = out;
    this.compute = compute;
    this.listener = listener;
    this.stop = stop;
    if (images.size() < 2) {
      throw new UserError(
          Text.format(
              "expected at least 2 images, one to train on and one to hold out, found %s",
              images.size()));
    }
    int[] order =
        RandomStreams.permutation(
            images.size(), RandomStreams.of(options.seed(), "held-out images"));
    int held = Math.max(1, images.size() / HELD_OUT);
    for (int i = 0; i < order.length; i++) {
      Path image = images.get(order[i]);
      (i < held ? heldOut : training).add(new Sample(image, image.toString(), 0));
    }
    int batch = Math.min(options.batch(), training.size());
    this.options =
        new RemoverOptions(
            options.size(),
            batch,
            options.epochs(),
            options.learningRate(),
            options.width(),
            options.latent(),
            options.seed());
  }

  /** The options, with a batch that the images can fill. */
  public RemoverOptions options() {
    return options;
  }

  /**
   * Trains from the start, or from where the folder's checkpoint stands.
   *
   * @return whether all epochs are done
   */
  public boolean run(boolean resume) {
    RemoverPosition position = RemoverPosition.start(digest());
    RemoverFile checkpoint = resume ? checkpoint() : null;
    Preprocess preprocess = new Preprocess(options.size(), Preprocess.Mode.STRETCH);
    CompileOptions step =
        CompileOptions.training(options.batch(), options.size(), Remover.UNIT)
            .withObjective(new Objective.MeanSquaredError());
    int heldBatch = Math.min(options.batch(), heldOut.size());
    try (Model model = Remover.model(options, compute);
        OptimizerState optimizer =
            new OptimizerState(model, new UpdateRule.Adam(0.9, 0.999, 1e-8, 0), Set.of());
        Executable executable = Executable.compile(model, step);
        Executable checking =
            executable.compileSharingMemory(
                CompileOptions.inference(heldBatch, options.size(), Remover.UNIT));
        Loader loader = loader(training, preprocess, Loader.Order.SHUFFLED, options.batch());
        Loader held = loader(heldOut, preprocess, Loader.Order.SEQUENTIAL, heldBatch)) {
      if (checkpoint == null) {
        model.initialize(options.seed(), Model.BlockEnd.ONE);
        // Under the last ReLU a colour that starts below 0 everywhere would never be learned.
        model.set(Autoencoder.OUTPUT + ".bias", new float[] {0.5f, 0.5f, 0.5f});
      } else {
        checkpoint.into(model);
        checkpoint.into(model, optimizer);
        position = checkpoint.position();
      }
      folder();
      for (int epoch = position.epoch(); epoch < options.epochs(); epoch++) {
        RemoverPosition at = epoch(position, loader, executable, optimizer);
        if (at.batch() < loader.batches()) {
          RemoverFile.writeCheckpoint(file(RemoverFile.LAST), model, optimizer, options, at);
          return false;
        }
        checking.parametersChanged();
        double error = error(held, checking);
        List<RemoverPosition.Epoch> history = new ArrayList<>(at.history());
        double trainError = at.lossSum() / loader.batches();
        history.add(new RemoverPosition.Epoch(epoch + 1, trainError, error));
        boolean best = error < at.best();
        if (best) {
          RemoverFile.write(file(RemoverFile.BEST), model, options);
        }
        position = new RemoverPosition(epoch + 1, 0, 0, optimizer.steps(), at.images(), history);
        RemoverFile.writeCheckpoint(file(RemoverFile.LAST), model, optimizer, options, position);
        record(position, loader, held);
        listener.epochDone(epoch + 1, trainError, error, best);
      }
      return true;
    }
  }

  private RemoverPosition epoch(
      RemoverPosition from, Loader loader, Executable step, OptimizerState optimizer) {
    float[] targets = new float[options.batch() * options.size() * options.size() * 3];
    double sum = from.lossSum();
    int b = from.batch();
    try (Loader.Epoch images = loader.epoch(from.epoch(), b)) {
      Batch batch = b < loader.batches() ? images.next() : null;
      while (batch != null && !(stop.getAsBoolean() && b > from.batch())) {
        target(batch.pixels(), targets);
        long run = step.start(batch.pixels(), targets);
        // While a GPU computes.
        Batch following = b + 1 < loader.batches() ? images.next() : null;
        if (following != null) {
          step.prefetch(following.pixels());
        }
        double loss = step.loss(run);
        if (!Double.isFinite(loss)) {
          throw new UserError(
              Text.format(
                  "training diverged in epoch %s, batch %s: %s is not finite. Try a lower --lr",
                  from.epoch() + 1, b + 1, step.locateNonFinite()));
        }
        optimizer.step(options.learningRate(), 1);
        sum += loss;
        b++;
        batch = following;
        listener.batchDone(from.epoch() + 1, b, loader.batches(), sum / b);
      }
    }
    return new RemoverPosition(
        from.epoch(), b, sum, optimizer.steps(), from.images(), from.history());
  }

  private static void target(byte[] pixels, float[] targets) {
    for (int i = 0; i < targets.length; i++) {
      targets[i] = (pixels[i] & 255) / 255f;
    }
  }

  /** Mean squared error over all held-out images that can be decoded. */
  private double error(Loader held, Executable checking) {
    int values = options.size() * options.size() * 3;
    double sum = 0;
    int images = 0;
    try (Loader.Epoch epoch = held.epoch(0, 0)) {
      for (Batch batch = epoch.next(); batch != null; batch = epoch.next()) {
        float[] output = checking.infer(batch.pixels());
        for (int i = 0; i < batch.count(); i++) {
          if (batch.labels()[i] == Batch.BAD) {
            continue;
          }
          for (int v = i * values; v < (i + 1) * values; v++) {
            double off = output[v] - (batch.pixels()[v] & 255) / 255.0;
            sum += off * off;
          }
          images++;
        }
      }
    }
    if (images == 0) {
      throw new UserError(
          Text.format(
              "none of the %s held-out images can be decoded; the first problem is: %s",
              heldOut.size(), held.badImages().values().iterator().next()));
    }
    return sum / ((double) images * values);
  }

  private Loader loader(
      List<Sample> samples, Preprocess preprocess, Loader.Order order, int batch) {
    return new Loader(
        samples,
        preprocess,
        Augmentation.NONE,
        new Loader.Options(batch, THREADS, options.seed(), order, Loader.BadImages.SKIP));
  }

  private RemoverFile checkpoint() {
    RemoverFile file = RemoverFile.read(file(RemoverFile.LAST));
    RemoverOptions then = file.options().withEpochs(options.epochs());
    if (!then.equals(options)) {
      throw new UserError(
          Text.format(
              "%s was made with other options: %s",
              file(RemoverFile.LAST), String.join("; ", Json.differences(then, options))));
    }
    if (!file.position().images().equals(digest())) {
      throw new UserError(
          Text.format(
              "%s was made with other images; give the folder that it began with, or start anew "
                  + "with another --out",
              file(RemoverFile.LAST)));
    }
    return file;
  }

  private String digest() {
    return Digests.ofLines(training.stream().map(Sample::id).toList());
  }

  private void folder() {
    try {
      Files.createDirectories(out);
    } catch (IOException e) {
      throw new UserError(Text.format("the output folder %s cannot be made: %s", out, e), e);
    }
  }

  private Path file(String name) {
    return out.resolve(name);
  }

  private void record(RemoverPosition position, Loader loader, Loader held) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("options", options);
    values.put("images", training.size());
    values.put("held_out", heldOut.size());
    values.put("epochs", position.history());
    int best =
        position.history().stream()
            .filter(e -> e.heldOutError() == position.best())
            .findFirst()
            .orElseThrow()
            .epoch();
    values.put("best_epoch", best);
    values.put("best_psnr", Remover.psnr(position.best()));
    List<String> bad = new ArrayList<>(loader.badImages().values());
    bad.addAll(held.badImages().values());
    values.put("bad_images", bad);
    values.put("backend", compute.backend().description());
    values.put("jresnet", Version.number());
    AtomicFile.write(file(RECORD), Json.pretty(values));
  }
}
