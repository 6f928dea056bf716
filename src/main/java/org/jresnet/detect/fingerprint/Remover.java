package org.jresnet.detect.fingerprint;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Precision;
import org.jresnet.base.Closing;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.RgbImage;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Compute;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.models.Autoencoder;

/**
 * A trained autoencoder that draws images anew, in their own size. Used from one thread; close it
 * before the backend.
 */
public final class Remover implements AutoCloseable {
  /** Values from 0 to 1 without mean and deviation, as in the paper. */
  static final Normalization UNIT = new Normalization(List.of(0f, 0f, 0f), List.of(1f, 1f, 1f));

  /** Sizes of images that stay compiled; a set has few. */
  private static final int COMPILED = 4;

  private record Size(int height, int width) {}

  private final Model model;

  /** Last used last. */
  private final Map<Size, Executable> executables = new LinkedHashMap<>();

  Remover(Model model) {
    this.model = model;
  }

  /**
   * Opens what {@link RemoverTraining} wrote.
   *
   * @param run its folder, or the file in it
   * @throws UserError saying what is wrong with it
   */
  public static Remover open(Path run, Compute compute) {
    RemoverFile file = RemoverFile.read(RemoverFile.best(run));
    Model model = model(file.options(), compute);
    try {
      file.into(model);
      return new Remover(model);
    } catch (RuntimeException e) {
      model.close();
      throw e;
    }
  }

  /** The network; the loss and colours need single precision where others compute in less. */
  static Model model(RemoverOptions options, Compute compute) {
    Precision asked = compute.precision();
    Precision precision = computes(asked) ? asked : Precision.FP32;
    return new Model(
        Autoencoder.graph(options.width(), options.latent()), compute.backend(), precision);
  }

  /** Whether an autoencoder can be computed in that precision. */
  public static boolean computes(Precision precision) {
    return precision.activation() == precision.parameter();
  }

  /**
   * The image drawn anew: the network's output times 255 plus 0.5, cut off below 0 and above 255.
   *
   * @throws UserError when the image has a side below 8 pixels, or does not fit into memory
   */
  public RgbImage remove(RgbImage image) {
    Size size = new Size(image.height(), image.width());
    if (Math.min(size.height, size.width) < Autoencoder.LEAST_SIDE) {
      throw new UserError(
          Text.format(
              "expected an image of at least %sx%s pixels, found %sx%s",
              Autoencoder.LEAST_SIDE, Autoencoder.LEAST_SIDE, size.width, size.height));
    }
    float[] output = executable(size).infer(image.rgb());
    byte[] rgb = new byte[output.length];
    for (int i = 0; i < rgb.length; i++) {
      if (!Float.isFinite(output[i])) {
        throw new UserError(
            Text.format(
                "the autoencoder gives %s instead of a colour; its weights are damaged, train it "
                    + "anew",
                output[i]));
      }
      rgb[i] = (byte) Math.min(255, (int) (output[i] * 255 + 0.5f));
    }
    return new RgbImage(image.width(), image.height(), rgb);
  }

  private Executable executable(Size size) {
    Executable found = executables.remove(size);
    if (found == null) {
      if (executables.size() == COMPILED) {
        executables.remove(executables.keySet().iterator().next()).close();
      }
      found =
          Executable.compile(
              model,
              CompileOptions.of(
                  org.jresnet.backend.Pass.INFERENCE,
                  new CompileOptions.Images(1, size.height, size.width, UNIT)));
    }
    executables.put(size, found);
    return found;
  }

  /**
   * Peak signal-to-noise ratio of two images of one size in decibels: {@code 10·log₁₀(255² / mean
   * squared difference)}; infinite where they are the same.
   */
  public static double psnr(RgbImage a, RgbImage b) {
    if (a.width() != b.width() || a.height() != b.height()) {
      throw new IllegalArgumentException(
          "expected two images of one size, found %dx%d and %dx%d"
              .formatted(a.width(), a.height(), b.width(), b.height()));
    }
    double squares = 0;
    for (int i = 0; i < a.rgb().length; i++) {
      double off = (a.rgb()[i] & 255) - (b.rgb()[i] & 255);
      squares += off * off;
    }
    return psnr(squares / a.rgb().length / (255.0 * 255));
  }

  /** Of a mean squared error between values from 0 to 1. */
  public static double psnr(double meanSquaredError) {
    return -10 * Math.log10(meanSquaredError);
  }

  @Override
  public void close() {
    Closing.closeAll(List.copyOf(executables.values()));
    executables.clear();
    model.close();
  }
}
