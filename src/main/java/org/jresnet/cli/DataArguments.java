package org.jresnet.cli;

import org.jresnet.base.Named;
import org.jresnet.base.Text;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Loader.BadImages;
import org.jresnet.data.Preprocess;
import org.jresnet.train.PixelScale;
import org.jresnet.train.Training;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Images, their division and their augmentation in {@code train}. */
final class DataArguments {
  @Heading("Images and data")
  @Option(names = "--size", defaultValue = "224", description = "Side of the input in pixels.")
  @Within(min = 1, max = Within.SIDE)
  private int size;

  @Option(
      names = "--resize",
      defaultValue = "stretch",
      description = "stretch, or crop (shorter side, then centre).")
  private Preprocess.Mode resize;

  @Option(
      names = "--pixels",
      defaultValue = "imagenet",
      description =
          "imagenet (less the mean, by the deviation of ImageNet, as published weights want it) or"
              + " unit (from 0 to 1).")
  private String pixels;

  @Option(
      names = "--split",
      split = ",",
      defaultValue = "0.7,0.15,0.15",
      description = "Shares of train, val and test.")
  @Within(min = 0, max = 1)
  private double[] split;

  @Option(
      names = "--group",
      defaultValue = "",
      paramLabel = "REGEX",
      description = {
        "What must not be on both sides of the split, as a regular expression on the path below"
            + " DATA, such as 'person\\d+'."
      })
  private String group;

  @Option(
      names = "--split-csv",
      defaultValue = "",
      paramLabel = "FILE",
      description = "A split.csv (file,class,split) to use.")
  private String splitCsv;

  @Option(
      names = "--positive",
      defaultValue = "",
      paramLabel = "NAME",
      description = {
        "The class that AUC, EER and error rates speak of; by default the one whose name says fake,"
            + " generated, synthetic or ai, else the second."
      })
  private String positive;

  @Option(
      names = "--sources",
      description = {
        "Tell sources of generated images apart: without it, classes whose names all say fake are"
            + " refused."
      })
  private boolean sources;

  @Option(
      names = "--bad-images",
      defaultValue = "skip",
      description = "skip (counted and listed) or stop.")
  private BadImages badImages;

  @Option(
      names = "--loader-threads",
      defaultValue = "2",
      description = "Threads that decode images.")
  @Within(min = 1, max = Within.THREADS)
  private int loaderThreads;

  @Option(
      names = "--shuffle-window",
      defaultValue = "0",
      paramLabel = "N",
      description = {
        "For shards that do not fit into memory: take shards in random order and shuffle N images"
            + " at a time, which reads them from end to end. 0 shuffles all images, as for a"
            + " folder."
      })
  @Within(min = 0, max = Within.MANY)
  private int shuffleWindow;

  @Heading("Augmentation")
  @Option(names = "--flip", defaultValue = "0.5", description = "Probability of a horizontal flip.")
  @Within(min = 0, max = 1)
  private double flip;

  @Option(
      names = "--crop-scale",
      defaultValue = "1",
      description = "Smallest area share of random crops; 1: no crops.")
  @Within(above = 0, max = 1)
  private double cropScale;

  @Option(
      names = "--jpeg",
      defaultValue = "0",
      description = "Probability of JPEG re-compression (quality 60-95).")
  @Within(min = 0, max = 1)
  private double jpeg;

  @Option(
      names = "--blur",
      defaultValue = "0",
      description = "Probability of Gaussian blur (sigma 0.1-2).")
  @Within(min = 0, max = 1)
  private double blur;

  @Option(
      names = "--augment",
      defaultValue = "none",
      description = {
        "none, or forensic: every second image goes through one of the degradations of evaluate"
            + " --robustness (JPEG, double JPEG, scaling, blur, noise, crop, darker, brighter,"
            + " chat, screenshot), drawn anew each time."
      })
  private Augment augment;

  private enum Augment {
    NONE,
    FORENSIC
  }

  @Mixin private DecodingOptions decoding;

  @Mixin private JpegOptions jpegDecoder;

  void apply(Training training) {
    if (split.length < 2 || split.length > 3) {
      throw new UsageError(
          Text.format(
              "--split takes two or three shares (train,val[,test]), found %s", split.length));
    }
    Arguments.requireRegex("--group", group);
    training.split(split[0], split[1], split.length == 3 ? split[2] : 0);
    training.group(group).splitCsv(Arguments.absolute(splitCsv)).positive(positive);
    training.preprocess(preprocess(size, resize)).augmentation(augmentation());
    if (sources) {
      training.sources();
    }
    training.pixels(Named.of(PixelScale.class, "--pixels", pixels));
    training.badImages(badImages).loaderThreads(loaderThreads).shuffleWindow(shuffleWindow);
  }

  /** The options of decoding with another size. */
  Preprocess preprocess(int pixels, Preprocess.Mode mode) {
    return jpegDecoder.of(new Preprocess(pixels, mode, decoding.options()));
  }

  Augmentation augmentation() {
    Augmentation usual = new Augmentation(flip, cropScale, jpeg, blur);
    Augmentation.Degrading forensic = Augmentation.Degrading.FORENSIC;
    return augment == Augment.NONE
        ? usual
        : usual.withDegradations(forensic.probability(), forensic.among());
  }
}
