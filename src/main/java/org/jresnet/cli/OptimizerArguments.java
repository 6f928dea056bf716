package org.jresnet.cli;

import org.jresnet.base.Named;
import org.jresnet.base.Text;
import org.jresnet.data.Loader.LastBatch;
import org.jresnet.train.TrainOptions.OptimizerOptions;
import org.jresnet.train.TrainOptions.ScheduleOptions;
import org.jresnet.train.Training;
import picocli.CommandLine.Option;

/** The steps of {@code train}. */
final class OptimizerArguments {
  @Heading("Training")
  @Option(names = "--epochs", defaultValue = "10", description = "Passes over the training part.")
  @Within(min = 1, max = Within.MANY)
  private int epochs;

  @Option(names = "--batch", defaultValue = "32", description = "Images per step.")
  @Within(min = 1, max = Within.BATCH)
  private int batch;

  @Option(
      names = "--accumulate",
      defaultValue = "1",
      description = "Batches whose gradients make one step.")
  @Within(min = 1, max = Within.BATCH)
  private int accumulate;

  @Option(
      names = "--drop-last",
      arity = "0..1",
      defaultValue = "true",
      fallbackValue = "true",
      description = {
        "Leave out the images of an epoch that do not fill a batch (or, with --accumulate, a group of batches); each epoch"
            + " leaves out others. --drop-last=false trains on them too, in a smaller last batch."
      })
  private boolean dropLast;

  @Option(names = "--optimizer", defaultValue = "adam", description = "adam, adamw or sgd.")
  private String optimizer;

  @Option(names = "--lr", defaultValue = "1e-3", description = "Learning rate.")
  @Within(above = 0, max = 1000)
  private double lr;

  @Option(
      names = "--betas",
      split = ",",
      defaultValue = "0.9,0.999",
      description = "Adam's decay rates.")
  @Within(min = 0, below = 1)
  private double[] betas;

  @Option(names = "--eps", defaultValue = "1e-8", description = "Adam's epsilon.")
  @Within(above = 0, below = 1)
  private double eps;

  @Option(names = "--momentum", defaultValue = "0.9", description = "Momentum of sgd.")
  @Within(min = 0, below = 1)
  private double momentum;

  @Option(
      names = "--weight-decay",
      defaultValue = "0",
      description = "L2 for adam and sgd, decoupled for adamw.")
  @Within(min = 0, below = 1)
  private double weightDecay;

  @Option(
      names = "--schedule",
      defaultValue = "constant",
      description = "constant, step or cosine.")
  private String schedule;

  @Option(names = "--warmup", defaultValue = "0", description = "Epochs of linear warm-up.")
  @Within(min = 0, max = Within.MANY)
  private double warmup;

  @Option(
      names = "--step-epochs",
      defaultValue = "30",
      description = "Epochs between the drops of --schedule step.")
  @Within(above = 0, max = Within.MANY)
  private double stepEpochs;

  @Option(names = "--gamma", defaultValue = "0.1", description = "Factor of each drop.")
  @Within(above = 0, max = 1)
  private double gamma;

  @Option(
      names = "--final-lr-factor",
      defaultValue = "0",
      description = "End of --schedule cosine, as a share of --lr.")
  @Within(min = 0, max = 1)
  private double finalFactor;

  @Option(
      names = "--label-smoothing",
      defaultValue = "0",
      description = "Share of the target spread over all classes.")
  @Within(min = 0, below = 1)
  private double labelSmoothing;

  @Option(
      names = "--class-weights",
      defaultValue = "none",
      description = "none, balanced, or one number per class.")
  private String classWeights;

  @Option(
      names = "--clip",
      defaultValue = "0",
      description = "Largest norm of the gradient; 0: no clipping.")
  @Within(min = 0, max = 1e9)
  private double clip;

  @Option(
      names = "--patience",
      defaultValue = "0",
      description = "Epochs without improvement before stopping; 0: never.")
  @Within(min = 0, max = Within.MANY)
  private int patience;

  @Option(
      names = "--seed",
      defaultValue = "42",
      description = "Seed of split, order, augmentation and initialisation.")
  @Within
  private long seed;

  void apply(Training training) {
    if (betas.length != 2) {
      throw new UsageError(Text.format("--betas takes two numbers, found %s", betas.length));
    }
    training.epochs(epochs).batch(batch).accumulate(accumulate);
    training.lastBatch(dropLast ? LastBatch.DROP : LastBatch.KEEP);
    training.optimizer(Named.of(OptimizerOptions.Kind.class, "optimizer", optimizer));
    training.learningRate(lr).betas(betas[0], betas[1]).eps(eps);
    training.momentum(momentum).weightDecay(weightDecay);
    training.schedule(Named.of(ScheduleOptions.Kind.class, "schedule", schedule));
    training.warmup(warmup).stepDecay(stepEpochs, gamma);
    training.finalFactor(finalFactor);
    training.labelSmoothing(labelSmoothing).classWeights(classWeights).clip(clip);
    training.patience(patience).seed(seed);
  }
}
