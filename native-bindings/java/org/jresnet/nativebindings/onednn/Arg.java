package org.jresnet.nativebindings.onednn;

import org.bytedeco.dnnl.global.dnnl;

/** Roles of a primitive's arguments. */
public enum Arg {
  /** First input. */
  SRC(dnnl.DNNL_ARG_SRC),
  /** Second input of a binary operation. */
  SRC_1(dnnl.DNNL_ARG_SRC_1),
  /** Output. */
  DST(dnnl.DNNL_ARG_DST),
  /** Filter or matrix. */
  WEIGHTS(dnnl.DNNL_ARG_WEIGHTS),
  /** Offset. */
  BIAS(dnnl.DNNL_ARG_BIAS),
  /** Mean per channel. */
  MEAN(dnnl.DNNL_ARG_MEAN),
  /** Biased variance per channel. */
  VARIANCE(dnnl.DNNL_ARG_VARIANCE),
  /** Batch norm's gamma. */
  SCALE(dnnl.DNNL_ARG_SCALE),
  /** Batch norm's beta. */
  SHIFT(dnnl.DNNL_ARG_SHIFT),
  /** What forward leaves for backward. */
  WORKSPACE(dnnl.DNNL_ARG_WORKSPACE),
  /** Scratch. */
  SCRATCHPAD(dnnl.DNNL_ARG_SCRATCHPAD),
  /** Gradient of the input. */
  DIFF_SRC(dnnl.DNNL_ARG_DIFF_SRC),
  /** Gradient of the output. */
  DIFF_DST(dnnl.DNNL_ARG_DIFF_DST),
  /** Gradient of the weights. */
  DIFF_WEIGHTS(dnnl.DNNL_ARG_DIFF_WEIGHTS),
  /** Gradient of the bias. */
  DIFF_BIAS(dnnl.DNNL_ARG_DIFF_BIAS),
  /** Gradient of gamma. */
  DIFF_SCALE(dnnl.DNNL_ARG_DIFF_SCALE),
  /** Gradient of beta. */
  DIFF_SHIFT(dnnl.DNNL_ARG_DIFF_SHIFT),
  /** Factors of the weights, one per output channel. */
  WEIGHT_SCALES(dnnl.DNNL_ARG_ATTR_SCALES | dnnl.DNNL_ARG_WEIGHTS);

  final int code;

  Arg(int code) {
    this.code = code;
  }
}
