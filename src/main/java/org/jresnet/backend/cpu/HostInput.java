package org.jresnet.backend.cpu;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import org.jresnet.backend.InputOp;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.QuantParams;
import org.jresnet.backend.Tensor;
import org.jresnet.base.BFloat16;
import org.jresnet.graph.DType;
import org.jresnet.graph.Shape;

/** Normalises pixels by table: a channel has only 256 values. */
final class HostInput implements InputOp {
  private static final int COLOURS = 3;

  private final Workers workers;
  private final int channels;
  private final int rowValues;
  private final int rows;
  private final float[][] floats;
  private final short[][] shorts;
  private final byte[][] integers;
  private final FloatBuffer floatTarget;
  private final ShortBuffer shortTarget;
  private final ByteBuffer integerTarget;
  private final float[][] floatRow;
  private final short[][] shortRow;
  private final byte[][] integerRow;
  private byte[] source;

  HostInput(Workers workers, Shape shape, Normalization normalization, Tensor y) {
    this.workers = workers;
    channels = shape.c();
    if (normalization.mean().size() != channels) {
      throw new IllegalArgumentException(
          "normalization of "
              + normalization.mean().size()
              + " channels for an input of "
              + channels);
    }
    rowValues = shape.w() * channels;
    rows = shape.n() * shape.h();
    floats = new float[channels][256];
    shorts = new short[channels][256];
    integers = new byte[channels][256];
    QuantParams stored = QuantParams.of(normalization);
    for (int c = 0; c < channels; c++) {
      for (int v = 0; v < 256; v++) {
        floats[c][v] = normalization.apply(c, v);
        shorts[c][v] = BFloat16.of(floats[c][v]);
        integers[c][v] = (byte) stored.integer(floats[c][v]);
      }
    }
    ByteBuffer target = CpuBuffer.bytes(y);
    DType type = y.type();
    floatTarget = type == DType.F32 ? target.asFloatBuffer() : null;
    shortTarget = type == DType.BF16 ? target.asShortBuffer() : null;
    integerTarget = type == DType.I8 ? target : null;
    floatRow = new float[workers.count()][type == DType.F32 ? rowValues : 0];
    shortRow = new short[workers.count()][type == DType.BF16 ? rowValues : 0];
    integerRow = new byte[workers.count()][type == DType.I8 ? rowValues : 0];
  }

  @Override
  public void load(byte[] pixels) {
    source = pixels;
  }

  @Override
  public void run() {
    workers.run(this::rows);
    source = null;
  }

  private void rows(int worker) {
    int last = (int) workers.share(worker + 1, rows, 1);
    for (int row = (int) workers.share(worker, rows, 1); row < last; row++) {
      // A loop with a step that the compiler knows is twice as fast.
      if (channels == COLOURS) {
        look(worker, row * rowValues, COLOURS);
      } else {
        look(worker, row * rowValues, channels);
      }
    }
  }

  private void look(int worker, int at, int step) {
    if (floatTarget != null) {
      float[] out = floatRow[worker];
      for (int c = 0; c < step; c++) {
        look(floats[c], source, at, out, c, step);
      }
      floatTarget.put(at, out);
    } else if (integerTarget != null) {
      byte[] out = integerRow[worker];
      for (int c = 0; c < step; c++) {
        look(integers[c], source, at, out, c, step);
      }
      integerTarget.put(at, out);
    } else {
      short[] out = shortRow[worker];
      for (int c = 0; c < step; c++) {
        look(shorts[c], source, at, out, c, step);
      }
      shortTarget.put(at, out);
    }
  }

  // A channel at a time: which one a value has would otherwise be found out value by value.

  private static void look(float[] table, byte[] pixels, int at, float[] out, int c, int channels) {
    for (int i = c; i < out.length; i += channels) {
      out[i] = table[pixels[at + i] & 255];
    }
  }

  private static void look(short[] table, byte[] pixels, int at, short[] out, int c, int channels) {
    for (int i = c; i < out.length; i += channels) {
      out[i] = table[pixels[at + i] & 255];
    }
  }

  private static void look(byte[] table, byte[] pixels, int at, byte[] out, int c, int channels) {
    for (int i = c; i < out.length; i += channels) {
      out[i] = table[pixels[at + i] & 255];
    }
  }

  @Override
  public void close() {}
}
