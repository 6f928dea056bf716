package org.jresnet.detect.forensic;

import org.jresnet.detect.fingerprint.RemoverOptions;

/**
 * How large the benchmark is.
 *
 * @param scenes drawn faces; six in ten train, one chooses epochs, three test
 * @param size side of the images in pixels
 * @param width channels of the detectors' stem
 * @param epochs of every detector
 * @param removerEpochs of both autoencoders
 * @param seed of everything
 */
public record ForensicSettings(
    int scenes, int size, int width, int epochs, int removerEpochs, long seed) {
  /** Channels of the autoencoders' first convolution. */
  private static final int REMOVER_WIDTH = 16;

  private static final int REMOVER_BATCH = 10;

  /** What the command does by itself. */
  public static ForensicSettings full(long seed) {
    return new ForensicSettings(500, 64, 32, 20, 40, seed);
  }

  /** A first look. */
  public static ForensicSettings quick(long seed) {
    return new ForensicSettings(250, 64, 32, 14, 20, seed);
  }

  RemoverOptions remover(long ownSeed, int latent) {
    return new RemoverOptions(
        size, REMOVER_BATCH, removerEpochs, 2e-3, REMOVER_WIDTH, latent, seed + ownSeed);
  }
}
