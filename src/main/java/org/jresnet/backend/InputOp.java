package org.jresnet.backend;

/** Brings images in: {@code y = (pixel/255 − mean)/std}. */
public interface InputOp extends AutoCloseable {
  /**
   * Normalises a batch into the bound tensor.
   *
   * @param pixels at least n·h·w·c bytes, unsigned, NHWC
   */
  void load(byte[] pixels);

  @Override
  void close();
}
