package org.jresnet.backend.reference;

import org.jresnet.backend.InputOp;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.reference.ReferenceBuffer.View;
import org.jresnet.graph.Shape;

/**
 * Images in: {@code y[n,h,w,c] = (pixel/255 − mean[c])/std[c]}, in single precision, because that
 * is where torchvision's <a
 * href="https://pytorch.org/vision/stable/generated/torchvision.transforms.Normalize.html">Normalize</a>
 * computes it and all backends shall see the same image.
 */
final class ReferenceInput implements InputOp {
  private final Normalization normalization;
  private final View y;
  private final int channels;
  private byte[] source;

  ReferenceInput(Shape shape, Normalization normalization, Tensor y) {
    if (normalization.mean().size() != shape.c()) {
      throw new IllegalArgumentException(
          "normalization of "
              + normalization.mean().size()
              + " channels for an input of "
              + shape.c());
    }
    this.normalization = normalization;
    this.y = new View(y);
    channels = shape.c();
  }

  @Override
  public void load(byte[] pixels) {
    source = pixels;
  }

  @Override
  public void run() {
    for (int i = 0; i < y.length; i++) {
      y.set(i, normalization.apply(i % channels, Byte.toUnsignedInt(source[i])));
    }
    source = null;
  }

  @Override
  public void close() {}
}
