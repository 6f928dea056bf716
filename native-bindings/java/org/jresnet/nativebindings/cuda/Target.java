package org.jresnet.nativebindings.cuda;

/** What graphs are planned for: a device that is there, or the description of one that is not. */
public sealed interface Target extends AutoCloseable permits CudnnHandle, DeviceProperties {
  @Override
  void close();
}
