package org.jresnet.inspect.exercise;

import java.lang.reflect.Array;
import java.util.Arrays;
import org.jresnet.base.Text;

/** Tensors as formulas index them: {@code x[n][h][w][c]}. */
final class Nested {
  private Nested() {}

  /** Arrays of arrays of the values, the last index running fastest. */
  static Object of(double[] values, int... extents) {
    return of(values, 0, extents);
  }

  private static Object of(double[] values, int at, int[] extents) {
    if (extents.length == 1) {
      return Arrays.copyOfRange(values, at, at + extents[0]);
    }
    int[] inner = Arrays.copyOfRange(extents, 1, extents.length);
    int size = elements(inner);
    Class<?> type = Array.newInstance(double.class, new int[inner.length]).getClass();
    Object parts = Array.newInstance(type, extents[0]);
    for (int i = 0; i < extents[0]; i++) {
      Array.set(parts, i, of(values, at + i * size, inner));
    }
    return parts;
  }

  static int elements(int... extents) {
    return Arrays.stream(extents).reduce(1, Math::multiplyExact);
  }

  /**
   * The values of arrays of arrays, or of one flat array of floats.
   *
   * @param name of the tensor, for messages
   * @throws Wrong when an array is missing or has another length
   */
  static double[] flat(String name, Object nested, int... extents) {
    double[] values = new double[elements(extents)];
    if (nested instanceof float[] flat && flat.length == values.length) {
      for (int i = 0; i < values.length; i++) {
        values[i] = flat[i];
      }
      return values;
    }
    fill(values, 0, name, nested, extents);
    return values;
  }

  private static void fill(double[] values, int at, String name, Object part, int[] extents) {
    if (extents.length == 0) {
      if (!(part instanceof Number number)) {
        throw new Wrong(Text.format("%s is no number", name));
      }
      values[at] = number.doubleValue();
      return;
    }
    if (part == null) {
      throw new Wrong(Text.format("%s is null, expected %s", name, array(extents)));
    }
    if (!part.getClass().isArray()) {
      throw new Wrong(Text.format("%s is no array, expected %s", name, array(extents)));
    }
    int length = Array.getLength(part);
    if (length != extents[0]) {
      throw new Wrong(
          Text.format(
              "%s has length %d, expected %d: %s", name, length, extents[0], array(extents)));
    }
    int[] inner = Arrays.copyOfRange(extents, 1, extents.length);
    int size = elements(inner);
    for (int i = 0; i < length; i++) {
      fill(values, at + i * size, name + "[" + i + "]", Array.get(part, i), inner);
    }
  }

  private static String array(int[] extents) {
    StringBuilder text = new StringBuilder("an array");
    Arrays.stream(extents).forEach(e -> text.append(" [").append(e).append(']'));
    return text.toString();
  }
}
