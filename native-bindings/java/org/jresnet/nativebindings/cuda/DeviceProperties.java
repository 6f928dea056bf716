package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.global.cudnn;

/**
 * A GPU described in the JSON form of cuDNN's device properties, enough to plan for it without
 * having it (cuDNN 9.8 and newer).
 */
public final class DeviceProperties implements Target {
  private static final Attribute<String> JSON =
      Attribute.text(cudnn.CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION);

  private final Descriptor descriptor;

  /**
   * Reads the description.
   *
   * @throws CudaException if cuDNN does not accept it
   */
  public DeviceProperties(String json) {
    descriptor = new Descriptor(cudnn.CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, "device properties");
    descriptor.set(JSON, json).finish();
  }

  Descriptor descriptor() {
    return descriptor;
  }

  @Override
  public void close() {
    descriptor.close();
  }
}
