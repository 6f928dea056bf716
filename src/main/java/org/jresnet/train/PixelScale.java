package org.jresnet.train;

import java.util.List;
import org.jresnet.base.Named;
import org.jresnet.weights.ModelInfo;

/** What the bytes of an image become before the first layer. */
public enum PixelScale implements Named {
  /**
   * {@code (value/255 − mean) / deviation}, with those of ImageNet, as published weights want it.
   */
  IMAGENET,
  /** {@code value/255}: from 0 to 1. */
  UNIT;

  /** The model as its published weights are described, with this scale. */
  ModelInfo of(ModelInfo published) {
    return this == IMAGENET
        ? published
        : published.withNormalization(List.of(0f, 0f, 0f), List.of(1f, 1f, 1f));
  }
}
