package org.jresnet.nativebindings.onednn;

import java.util.Optional;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.pooling_backward;
import org.bytedeco.dnnl.pooling_forward;

/** Plans poolings over windows of {@code rows} times {@code columns}. */
public record Pooling(OneDnnScope scope, Kind kind, int rows, int columns, Geometry geometry) {
  /** Kinds of pooling. */
  public enum Kind {
    /** Largest value; padding never wins. */
    MAX(dnnl.dnnl_pooling_max),
    /** Mean over what of the window lies in the image. */
    AVERAGE(dnnl.dnnl_pooling_avg_exclude_padding),
    /** Mean over the window, to which padding adds zeros. */
    AVERAGE_PADDED(dnnl.dnnl_pooling_avg_include_padding);

    private final int code;

    Kind(int code) {
      this.code = code;
    }
  }

  private long[] window() {
    return new long[] {rows, columns};
  }

  /** Values of the windows. */
  public Optional<PrimitiveDesc> forward(Propagation propagation, Desc x, Desc y) {
    return scope.chosen(
        new pooling_forward.primitive_desc(
            scope.engine(),
            propagation.code,
            kind.code,
            x.handle,
            y.handle,
            geometry.strides(),
            window(),
            geometry.dilations(),
            geometry.paddings(),
            geometry.paddings(),
            scope.attributes(),
            true));
  }

  /** Gradient of a pooling's input. */
  public Optional<PrimitiveDesc> backward(Desc dx, Desc dy, PrimitiveDesc forward) {
    return scope.chosen(
        new pooling_backward.primitive_desc(
            scope.engine(),
            kind.code,
            dx.handle,
            dy.handle,
            geometry.strides(),
            window(),
            geometry.dilations(),
            geometry.paddings(),
            geometry.paddings(),
            (pooling_forward.primitive_desc) forward.handle,
            scope.attributes(),
            true));
  }
}
