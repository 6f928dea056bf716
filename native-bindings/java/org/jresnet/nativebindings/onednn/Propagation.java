package org.jresnet.nativebindings.onednn;

import org.bytedeco.dnnl.global.dnnl;

/** What a forward primitive is planned for. */
public enum Propagation {
  /** A backward pass follows. */
  TRAINING(dnnl.dnnl_forward_training),
  /** Forward alone. */
  INFERENCE(dnnl.dnnl_forward_inference);

  final int code;

  Propagation(int code) {
    this.code = code;
  }
}
