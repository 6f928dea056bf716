package org.jresnet.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.jresnet.base.JsonField;
import org.jresnet.base.UserError;

/**
 * Random changes of training images, in this order: a degradation, blur, JPEG re-compression,
 * random resized crop (else the evaluation's own resize), flip. JPEG re-compression and blur teach
 * a detector of generated images not to lean on traces that any re-encoding destroys (Wang et al.
 * 2020, <a href="https://arxiv.org/abs/1912.11035">arXiv:1912.11035</a>).
 *
 * @param flip probability of a horizontal flip
 * @param crop random resized crop
 * @param jpeg JPEG re-compression
 * @param blur Gaussian blur
 * @param degrading what an image goes through on its way, before all else
 */
public record Augmentation(
    double flip,
    Crop crop,
    Jpeg jpeg,
    Blur blur,
    @JsonField(whenAbsent = "{\"probability\":0,\"among\":[]}") Degrading degrading) {
  /** Nothing changes. */
  public static final Augmentation NONE = new Augmentation(0, 1, 0, 0);

  private static final int CROP_TRIES = 10;
  private static final int BLUR_BITS = 16;

  /**
   * Closed interval that values are drawn from uniformly.
   *
   * @param min smallest value
   * @param max largest value
   */
  public record Range(double min, double max) {
    /** Checks the order. */
    public Range {
      if (!(min <= max && max < Double.POSITIVE_INFINITY && min > Double.NEGATIVE_INFINITY)) {
        throw new UserError("a range goes from low to high, found " + min + " to " + max);
      }
    }

    double draw(SplittableRandom random) {
      return min + random.nextDouble() * (max - min);
    }
  }

  /**
   * torchvision's {@code RandomResizedCrop}.
   *
   * @param scale share of the area that is kept; {@code [1, 1]} switches the crop off
   * @param ratio width by height before the resize
   */
  public record Crop(Range scale, Range ratio) {
    /** torchvision's range of aspect ratios. */
    public static final Range DEFAULT_RATIO = new Range(3.0 / 4, 4.0 / 3);

    /** Checks the ranges. */
    public Crop {
      if (!(scale.min() > 0 && scale.max() <= 1)) {
        throw new UserError("the crop scale lies in (0, 1], found " + scale);
      }
      if (!(ratio.min() > 0)) {
        throw new UserError("the crop ratio must be positive, found " + ratio);
      }
    }

    boolean isOff() {
      return scale.min() == 1;
    }
  }

  /**
   * Through a JPEG encoder (4:2:0) and back.
   *
   * @param probability of doing it
   * @param quality 1 to 100, whole numbers
   */
  public record Jpeg(double probability, Range quality) {
    /** Qualities that images on the web have. */
    public static final Range DEFAULT_QUALITY = new Range(60, 95);

    /** Checks the ranges. */
    public Jpeg {
      requireProbability("jpeg", probability);
      if (!(quality.min() >= 1 && quality.max() <= 100)) {
        throw new UserError("the JPEG quality lies between 1 and 100, found " + quality);
      }
    }
  }

  /**
   * Gaussian blur: weights {@code exp(−i²/2σ²)} for {@code |i| ≤ ⌈3σ⌉}, normalised, in 1/65536 with
   * the rounding difference at the centre; edges repeated; across, then down, each rounded to a
   * byte.
   *
   * @param probability of doing it
   * @param sigma standard deviation in pixels of the decoded image
   */
  public record Blur(double probability, Range sigma) {
    /** From invisible to clearly soft. */
    public static final Range DEFAULT_SIGMA = new Range(0.1, 2);

    /** Checks the ranges. */
    public Blur {
      requireProbability("blur", probability);
      if (!(sigma.min() > 0 && sigma.max() <= 100)) {
        throw new UserError("the blur's sigma lies in (0, 100] pixels, found " + sigma);
      }
    }
  }

  /**
   * One degradation, drawn anew for each image and epoch.
   *
   * @param probability of doing it
   * @param among what is drawn from, each with the same chance
   */
  public record Degrading(double probability, List<Degradation> among) {
    /** Nothing. */
    public static final Degrading NONE = new Degrading(0, List.of());

    /**
     * Every second image by any kind of {@link Degradation} at any level, kinds with the same
     * chance.
     */
    public static final Degrading FORENSIC = forensic();

    /** Checks the probability. */
    public Degrading {
      requireProbability("degradation", probability);
      among = List.copyOf(among);
      if (probability > 0 && among.isEmpty()) {
        throw new UserError("there is no degradation to draw from");
      }
    }

    private static Degrading forensic() {
      List<Degradation> among = new ArrayList<>();
      // As many entries for each kind: twelve is a multiple of every number of levels.
      for (Degradation.Kind kind : Degradation.Kind.values()) {
        for (int i = 0; i < 12; i++) {
          among.add(new Degradation(kind, kind.levels().get(i % kind.levels().size())));
        }
      }
      return new Degrading(0.5, among);
    }
  }

  /** Checks the probability. */
  public Augmentation {
    requireProbability("flip", flip);
  }

  /**
   * With the default ranges.
   *
   * @param cropScale smallest share of the area that a random resized crop keeps; 1 switches it off
   */
  public Augmentation(double flip, double cropScale, double jpeg, double blur) {
    this(
        flip,
        new Crop(new Range(cropScale, 1), Crop.DEFAULT_RATIO),
        new Jpeg(jpeg, Jpeg.DEFAULT_QUALITY),
        new Blur(blur, Blur.DEFAULT_SIGMA));
  }

  /** Without degradations. */
  public Augmentation(double flip, Crop crop, Jpeg jpeg, Blur blur) {
    this(flip, crop, jpeg, blur, Degrading.NONE);
  }

  /** The same with degradations. */
  public Augmentation withDegradations(double probability, List<Degradation> among) {
    return new Augmentation(flip, crop, jpeg, blur, new Degrading(probability, among));
  }

  /** The same with another probability of a horizontal flip. */
  public Augmentation withFlip(double probability) {
    return new Augmentation(probability, crop, jpeg, blur, degrading);
  }

  /** The same with random crops that keep at least this share of the area. */
  public Augmentation withCropScale(double smallest) {
    return new Augmentation(
        flip, new Crop(new Range(smallest, 1), crop.ratio), jpeg, blur, degrading);
  }

  /** The same with another probability of JPEG compression. */
  public Augmentation withJpeg(double probability) {
    return new Augmentation(flip, crop, new Jpeg(probability, jpeg.quality), blur, degrading);
  }

  /** The same with another probability of blur. */
  public Augmentation withBlur(double probability) {
    return new Augmentation(flip, crop, jpeg, new Blur(probability, blur.sigma), degrading);
  }

  private static void requireProbability(String name, double p) {
    if (!(p >= 0 && p <= 1)) {
      throw new UserError("the probability of " + name + " lies between 0 and 1, found " + p);
    }
  }

  /**
   * Changes a decoded image and brings it to the input size.
   *
   * @param random the stream of this sample in this epoch; nothing else decides
   */
  public RgbImage apply(RgbImage image, Preprocess preprocess, SplittableRandom random) {
    RgbImage out = image;
    // No number is drawn where nothing is asked for: runs of before keep their images.
    if (degrading.probability() > 0 && random.nextDouble() < degrading.probability()) {
      Degradation drawn = degrading.among().get(random.nextInt(degrading.among().size()));
      out = drawn.apply(out, random);
    }
    if (random.nextDouble() < blur.probability()) {
      out = blur(out, blur.sigma().draw(random));
    }
    if (random.nextDouble() < jpeg.probability()) {
      out = recompress(out, (int) Math.rint(jpeg.quality().draw(random)));
    }
    out = crop.isOff() ? preprocess.apply(out) : randomResizedCrop(out, preprocess.size(), random);
    return random.nextDouble() < flip ? out.flipHorizontally() : out;
  }

  /** Bytes per pixel of the decoded image that {@link #apply} takes beside it. */
  int bytesPerPixel() {
    // A blurred image and one between the passes, or the encoder's integers and the decoded copy.
    int own = blur.probability() > 0 || jpeg.probability() > 0 ? 7 : 0;
    return degrading.probability() == 0
        ? own
        : own + degrading.among().stream().mapToInt(Degradation::bytesPerPixel).max().orElse(0);
  }

  /** Ten tries for an area and a ratio, then the largest centred crop, as torchvision. */
  private RgbImage randomResizedCrop(RgbImage image, int size, SplittableRandom random) {
    double area = (double) image.width() * image.height();
    // StrictMath: the same images on every processor.
    Range log = new Range(StrictMath.log(crop.ratio().min()), StrictMath.log(crop.ratio().max()));
    for (int i = 0; i < CROP_TRIES; i++) {
      double target = area * crop.scale().draw(random);
      double ratio = StrictMath.exp(log.draw(random));
      int width = (int) Math.rint(Math.sqrt(target * ratio));
      int height = (int) Math.rint(Math.sqrt(target / ratio));
      if (width > 0 && width <= image.width() && height > 0 && height <= image.height()) {
        int top = random.nextInt(image.height() - height + 1);
        int left = random.nextInt(image.width() - width + 1);
        return Resize.bilinear(image.crop(left, top, width, height), size, size);
      }
    }
    double ratio = (double) image.width() / image.height();
    int width = image.width();
    int height = image.height();
    if (ratio > crop.ratio().max()) {
      width = Math.max(1, (int) Math.rint(height * crop.ratio().max()));
    } else if (ratio < crop.ratio().min()) {
      height = Math.max(1, (int) Math.rint(width / crop.ratio().min()));
    }
    RgbImage middle =
        image.crop((image.width() - width) / 2, (image.height() - height) / 2, width, height);
    return Resize.bilinear(middle, size, size);
  }

  /** See {@link Blur}. */
  static RgbImage blur(RgbImage image, double sigma) {
    int radius = (int) Math.ceil(3 * sigma);
    int[] weights = new int[2 * radius + 1];
    double sum = 0;
    for (int i = -radius; i <= radius; i++) {
      sum += StrictMath.exp(-i * i / (2 * sigma * sigma));
    }
    int rest = 1 << BLUR_BITS;
    for (int i = -radius; i <= radius; i++) {
      double weight = StrictMath.exp(-i * i / (2 * sigma * sigma)) / sum;
      weights[i + radius] = (int) Math.rint(weight * (1 << BLUR_BITS));
      rest -= weights[i + radius];
    }
    weights[radius] += rest;
    return new RgbImage(
        image.width(), image.height(), down(across(image, weights), image, weights));
  }

  private static byte[] across(RgbImage image, int[] weights) {
    int radius = weights.length / 2;
    int row = image.width() * 3;
    int[] padded = new int[row + 6 * radius];
    int[] sums = new int[row];
    byte[] out = new byte[image.rgb().length];
    for (int y = 0; y < image.height(); y++) {
      for (int i = 0; i < padded.length; i++) {
        int x = Math.max(0, Math.min(image.width() - 1, i / 3 - radius));
        padded[i] = image.rgb()[y * row + x * 3 + i % 3] & 255;
      }
      Arrays.fill(sums, 1 << (BLUR_BITS - 1));
      for (int j = 0; j < weights.length; j++) {
        int weight = weights[j];
        for (int i = 0; i < row; i++) {
          sums[i] += padded[i + 3 * j] * weight;
        }
      }
      for (int i = 0; i < row; i++) {
        out[y * row + i] = (byte) (sums[i] >> BLUR_BITS);
      }
    }
    return out;
  }

  private static byte[] down(byte[] in, RgbImage size, int[] weights) {
    int radius = weights.length / 2;
    int row = size.width() * 3;
    int[] sums = new int[row];
    byte[] out = new byte[in.length];
    for (int y = 0; y < size.height(); y++) {
      Arrays.fill(sums, 1 << (BLUR_BITS - 1));
      for (int j = 0; j < weights.length; j++) {
        int weight = weights[j];
        int from = Math.max(0, Math.min(size.height() - 1, y + j - radius)) * row;
        for (int i = 0; i < row; i++) {
          sums[i] += (in[from + i] & 255) * weight;
        }
      }
      for (int i = 0; i < row; i++) {
        out[y * row + i] = (byte) (sums[i] >> BLUR_BITS);
      }
    }
    return out;
  }

  /** See {@link Jpeg}. */
  static RgbImage recompress(RgbImage image, int quality) {
    try {
      return ImageDecoder.decode(
          Path.of("re-compressed image"), jpeg(image, quality), ImageDecoder.Options.DEFAULT);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The image as a JPEG file of the given quality (1 to 100, 4:2:0). */
  public static byte[] jpeg(RgbImage image, int quality) throws IOException {
    ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    // Not ImageIO.createImageOutputStream: that one goes through a file.
    try (ImageOutputStream stream = new MemoryCacheImageOutputStream(bytes)) {
      ImageWriteParam parameters = writer.getDefaultWriteParam();
      parameters.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
      parameters.setCompressionQuality(quality / 100f);
      writer.setOutput(stream);
      writer.write(null, new IIOImage(image.toBuffered(), null, null), parameters);
    } finally {
      writer.dispose();
    }
    return bytes.toByteArray();
  }
}
