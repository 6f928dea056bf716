package org.jresnet.detect.fingerprint;

import org.jresnet.base.JsonField;
import org.jresnet.models.Autoencoder;

/**
 * How an autoencoder is trained; everything here decides the result.
 *
 * @param size side of the images in pixels
 * @param batch images of a step
 * @param epochs passes over the training images
 * @param learningRate of Adam
 * @param width channels after the first convolution, {@value Autoencoder#WIDTH} in the paper
 * @param latent channels between encoder and decoder, {@value Autoencoder#LATENT} in the published
 *     set
 * @param seed of initialisation, order and held-out images
 */
public record RemoverOptions(
    @JsonField(min = Autoencoder.LEAST_SIDE) int size,
    @JsonField(min = 1) int batch,
    @JsonField(min = 1) int epochs,
    @JsonField(min = 0) double learningRate,
    @JsonField(min = 1) int width,
    @JsonField(min = 1) int latent,
    long seed) {
  /** The paper's: 224 pixels, batch 128, Adam 1e-3, up to 200 epochs. */
  public static final RemoverOptions PAPER =
      new RemoverOptions(224, 128, 200, 1e-3, Autoencoder.WIDTH, Autoencoder.LATENT, 42);

  /** The same for another number of epochs. */
  public RemoverOptions withEpochs(int passes) {
    return new RemoverOptions(size, batch, passes, learningRate, width, latent, seed);
  }
}
