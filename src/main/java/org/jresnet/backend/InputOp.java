package org.jresnet.backend;

/** Brings images in: {@code y = (pixel/255 − mean)/std}. */
public interface InputOp extends AutoCloseable {
  /**
   * Takes the next batch, also while the last one is still computed. A host backend keeps the array
   * until {@link #run}, a device copies it.
   *
   * @param pixels at least n·h·w·c bytes, unsigned, NHWC
   */
  void load(byte[] pixels);

  /** Normalises the batch into the bound tensor. */
  void run();

  @Override
  void close();
}
