package org.jresnet.backend;

import java.util.List;

/**
 * Per-channel mean and standard deviation on the scale where white is 1, as <a
 * href="https://pytorch.org/vision/stable/generated/torchvision.transforms.Normalize.html">torchvision's
 * Normalize</a> takes them.
 */
public record Normalization(List<Float> mean, List<Float> std) {
  /** Checks that both lists have one value per channel and that no deviation is zero. */
  public Normalization {
    mean = List.copyOf(mean);
    std = List.copyOf(std);
    if (mean.size() != std.size() || std.stream().anyMatch(s -> !(s > 0))) {
      throw new IllegalArgumentException(
          "expected one mean and one positive std per channel, found " + mean + " and " + std);
    }
  }

  /** The largest magnitude that a normalised value can have. */
  public float largest() {
    float largest = 0;
    for (int c = 0; c < mean.size(); c++) {
      largest = Math.max(largest, Math.max(Math.abs(apply(c, 0)), Math.abs(apply(c, 255))));
    }
    return largest;
  }

  /** The normalised value of one 8-bit sample, in single precision as torch computes it. */
  public float apply(int channel, int pixel) {
    return (pixel / 255f - mean.get(channel)) / std.get(channel);
  }
}
