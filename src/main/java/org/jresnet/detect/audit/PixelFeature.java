package org.jresnet.detect.audit;

import java.util.function.ToDoubleFunction;

/** Low-order statistics of pixels, in which classes may differ without a face to look at. */
enum PixelFeature {
  BRIGHTNESS("brightness", p -> p.brightness()),
  CONTRAST("contrast", p -> p.contrast()),
  SATURATED("saturated pixels", p -> p.saturated()),
  NOISE("noise", p -> p.noise()),
  CHROMA("chroma", p -> p.chroma());

  private final String text;
  private final ToDoubleFunction<ImageFacts.PixelStatistics> value;

  PixelFeature(String text, ToDoubleFunction<ImageFacts.PixelStatistics> value) {
    this.text = text;
    this.value = value;
  }

  /** What people call it. */
  String text() {
    return text;
  }

  /** Its value. */
  double of(ImageFacts image) {
    return value.applyAsDouble(image.pixels());
  }
}
