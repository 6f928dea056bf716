package org.jresnet.models;

import java.util.List;
import org.jresnet.base.Interpolation;

/**
 * How an image becomes a network's input when torchvision evaluates its published weights: the
 * shorter side is resized, the middle cut out, each channel normalised to {@code (x/255 − mean) /
 * std}.
 *
 * @param resize length of the shorter side after resizing, in pixels
 * @param crop side of the square that is cut out, in pixels
 * @param interpolation of the pixels when resized
 * @param mean per channel
 * @param std per channel
 */
public record Preprocessing(
    int resize, int crop, Interpolation interpolation, List<Float> mean, List<Float> std) {
  /** Mean of ImageNet's training images. */
  private static final List<Float> MEAN = List.of(0.485f, 0.456f, 0.406f);

  /** Standard deviation of ImageNet's training images. */
  private static final List<Float> STD = List.of(0.229f, 0.224f, 0.225f);

  /** Copies the lists. */
  public Preprocessing {
    mean = List.copyOf(mean);
    std = List.copyOf(std);
  }

  /** With ImageNet's mean and standard deviation. */
  static Preprocessing imageNet(int resize, int crop, Interpolation interpolation) {
    return new Preprocessing(resize, crop, interpolation, MEAN, STD);
  }
}
