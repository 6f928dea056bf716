package org.jresnet.train;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.graph.Parameter;
import org.jresnet.weights.HostTensor;

/**
 * Values that no network can compute with: NaN, infinity, a negative variance. Without this check
 * they come out at the other end as probabilities that are not numbers.
 */
final class ParameterCheck {
  /** So many floats are looked at before the loop asks whether one was bad. */
  private static final int BLOCK = 1 << 12;

  private ParameterCheck() {}

  /**
   * The values of a parameter in single precision.
   *
   * @param source the file, for messages
   * @throws UserError naming file, parameter, position and value
   */
  static float[] values(Parameter p, HostTensor tensor, String source) {
    switch (tensor.type()) {
      case F64, F32, F16, BF16, F8_E4M3, F8_E5M2 -> {}
      default ->
          throw new UserError(
              Text.format(
                  "%s: %s is of type %s, expected a floating-point type; the file is damaged or holds "
                      + "a quantised"
                      + " network",
                  source, what(p), tensor.type()));
    }
    float[] values = tensor.toFloats();
    require(p, values, source);
    return values;
  }

  /** Refuses values that are not finite, and variances below 0. */
  static void require(Parameter p, float[] values, String source) {
    boolean variance = p.role() == Parameter.Role.RUNNING_VAR;
    for (int start = 0; start < values.length; start += BLOCK) {
      int end = Math.min(values.length, start + BLOCK);
      if (variance ? !allNatural(values, start, end) : !allFinite(values, start, end)) {
        for (int i = start; i < end; i++) {
          if (!Float.isFinite(values[i]) || variance && values[i] < 0) {
            throw new UserError(
                Text.format(
                    "%s: %s is %s at %s, expected %s; the file is damaged, or the training that wrote it "
                        + "diverged: use another",
                    source,
                    what(p),
                    values[i],
                    position(p, i),
                    variance ? "a finite variance of at least 0" : "a finite number"));
          }
        }
      }
    }
  }

  /** Counts of batches cannot be negative. */
  static long count(Parameter p, HostTensor tensor, String source) {
    long count;
    try {
      count = tensor.toLong();
    } catch (IllegalArgumentException e) {
      throw new UserError(Text.format("%s: %s: %s", source, what(p), e.getMessage()), e);
    }
    if (count < 0) {
      throw new UserError(
          Text.format(
              "%s: %s is %s, expected a count; the file is damaged", source, what(p), count));
    }
    return count;
  }

  /** Without a branch for each value, so that a ResNet-50 takes a few milliseconds. */
  private static boolean allFinite(float[] values, int start, int end) {
    int bad = 0;
    for (int i = start; i < end; i++) {
      // An exponent of all ones overflows into the sign.
      bad |= (Float.floatToRawIntBits(values[i]) & 0x7f800000) + 0x00800000;
    }
    return bad >= 0;
  }

  private static boolean allNatural(float[] values, int start, int end) {
    for (int i = start; i < end; i++) {
      if (!(values[i] >= 0 && values[i] < Float.POSITIVE_INFINITY)) {
        return false;
      }
    }
    return true;
  }

  private static String what(Parameter p) {
    String part =
        switch (p.role()) {
          case CONV_WEIGHT -> "filter of a convolution";
          case CONV_TRANSPOSE_WEIGHT -> "filter of a transposed convolution";
          case CONV_BIAS -> "offset of a convolution";
          case NORM_WEIGHT -> "scale of a batch norm";
          case NORM_BIAS -> "shift of a batch norm";
          case LINEAR_WEIGHT -> "matrix of a linear layer";
          case LINEAR_BIAS -> "offset of a linear layer";
          case RUNNING_MEAN -> "running mean of a batch norm";
          case RUNNING_VAR -> "running variance of a batch norm";
          case BATCHES_TRACKED -> "count of batches of a batch norm";
        };
    return p.name() + " (" + part + ")";
  }

  private static List<Integer> position(Parameter p, int index) {
    List<Integer> position = new ArrayList<>();
    int rest = index;
    for (int d = p.shape().size() - 1; d >= 0; d--) {
      position.add(0, rest % p.shape().get(d));
      rest /= p.shape().get(d);
    }
    return position;
  }
}
