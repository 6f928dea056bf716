package org.jresnet.backend.cpu.vector;

import static org.jresnet.backend.cpu.vector.Depthwise.ROWS;
import static org.jresnet.backend.cpu.vector.Depthwise.TAPS;
import static org.jresnet.backend.cpu.vector.GroupProducts.DEPTH;
import static org.jresnet.backend.cpu.vector.Products.LANES;

import java.util.Arrays;
import org.jresnet.backend.cpu.vector.Scratch.Use;

/**
 * The gradient of the filters of a convolution in groups. Each worker adds up a share of all
 * images' rows; an image has sums of its own, which keeps roundings small, and the workers' sums
 * are added at the end, in the order of workers.
 */
public final class GroupedWeights implements WeightGradient {
  private final GroupedShape shape;
  private final Scratch scratch;
  private final Sweep rows;
  private final Sweep columns;
  private final RowRing ring;
  private final Places places;

  /** Filters, up to whole vectors. */
  private final int pitch;

  /** Channels for which a filter has sums, those of other groups in its vector included. */
  private final int channels;

  private final int size;
  private final int width;

  /** Plans the gradient. */
  public GroupedWeights(GroupedShape shape, Scratch scratch) {
    this.shape = shape;
    this.scratch = scratch;
    rows = Sweep.of(shape.rows(), shape.h(), false);
    columns = Sweep.of(shape.columns(), shape.w(), false);
    ring = new RowRing(scratch, rows, columns, shape.c(), 1);
    channels =
        shape.depthwise() ? 1 : GroupProducts.channels(shape.groupInputs(), shape.groupOutputs());
    pitch = (shape.k() + LANES - 1) / LANES * LANES;
    int row = columns.taps() * channels * pitch;
    // Another row takes what rows beyond the image would add, which is nothing.
    size = (rows.taps() + 1) * row;
    places = new Places(scratch.workers(), row, rows.taps() * row);
    width = (columns.outputs + TAPS - 1) * shape.k() + LANES;
    scratch.reserve(Use.GRADIENTS, width);
    scratch.reserve(Use.PRODUCTS, size);
    scratch.reserve(Use.SUMS, size);
    scratch.reserve(Use.FILTERS, shape.filters());
    scratch.reserveBits(columns.outputs * shape.k());
  }

  @Override
  public void run(int worker, Rows x, Rows dy, Rows dw, Runnable meet) {
    ring.start(worker);
    float[] d = scratch.get(worker, Use.GRADIENTS);
    float[] total = scratch.get(worker, Use.SUMS);
    float[] image = scratch.get(worker, Use.PRODUCTS);
    Arrays.fill(d, 0, width, 0);
    Arrays.fill(total, 0, size, 0);
    Arrays.fill(image, 0, size, 0);
    int bands = shape.n() * rows.outputs;
    int first = bands * worker / scratch.workers();
    int end = bands * (worker + 1) / scratch.workers();
    int count = columns.outputs * shape.k();
    int next = 0;
    for (int band = first; band < end; band++) {
      int row = band % rows.outputs;
      if (row == 0) {
        next = 0;
      }
      int from = rows.input(row);
      next = ring.read(worker, x, band / rows.outputs, next, from, from + rows.taps());
      dy.get(band * count, d, 0, count, scratch.bits(worker));
      if (shape.depthwise()) {
        addChannels(worker, scratch.get(worker, Use.INPUT), from, d, image);
      } else {
        addGroups(scratch.get(worker, Use.INPUT), from, d, image);
      }
      if (row == rows.outputs - 1 || band == end - 1) {
        Pointwise.add(total, 0, image, 0, size);
        Arrays.fill(image, 0, size, 0);
      }
    }
    meet.run();
    write(worker, dw);
  }

  /** Sums lie as {@code [row][tap][pitch]}. */
  private void addChannels(int worker, float[] x, int from, float[] d, float[] sums) {
    Sweep.Phase phase = columns.phases[0];
    int count = phase.taps().length;
    for (int first = 0; first < rows.taps(); first += ROWS) {
      for (int t = 0; t < count; ) {
        int taken = DepthwiseConv.taken(count - t, phase.stride());
        if (places.place(worker, ring, from, rows.phases[0].taps(), first)) {
          places.move(worker, (phase.offset() + t) * shape.c(), t * pitch);
          addRow(worker, x, phase.stride() * shape.c(), taken, d, sums);
        }
        t += taken;
      }
    }
  }

  private void addRow(int worker, float[] x, int stride, int taps, float[] d, float[] sums) {
    int[] at = places.of(worker);
    int c = shape.c();
    int count = columns.outputs;
    for (int from = 0; from < pitch; from += LANES) {
      if (taps == 1) {
        DepthwiseGradients.one(x, at, c, stride, d, from, count, sums, pitch);
      } else if (taps == 2) {
        DepthwiseGradients.two(x, at, c, d, from, count, sums, pitch);
      } else if (stride > c) {
        if (taps == 3) {
          DepthwiseGradients.threeApart(x, at, c, stride, d, from, count, sums, pitch);
        } else {
          DepthwiseGradients.fiveApart(x, at, c, stride, d, from, count, sums, pitch);
        }
      } else if (taps == 3) {
        DepthwiseGradients.three(x, at, c, d, from, count, sums, pitch);
      } else {
        DepthwiseGradients.five(x, at, c, d, from, count, sums, pitch);
      }
      places.move(worker, LANES, LANES);
    }
  }

  /** Sums lie as {@code [block of filters][row][tap][channel of the block][LANES]}. */
  private void addGroups(float[] x, int from, float[] d, float[] sums) {
    Sweep.Phase phase = columns.phases[0];
    int c = shape.c();
    int step = phase.stride() * c;
    for (int block = 0; block < shape.k(); block += LANES) {
      int channel = GroupProducts.channel(block, shape.groupInputs(), shape.groupOutputs());
      for (int r = 0; r < rows.taps(); r++) {
        if (ring.has(from + r)) {
          int at = ring.at(from + r) + phase.offset() * c + channel;
          int to = (block * shape.taps() + r * columns.taps() * LANES) * channels;
          for (int t = 0; t < columns.taps(); t++) {
            for (int i = 0; i < channels; i += DEPTH) {
              int o = to + (t * channels + i) * LANES;
              int a = at + t * c + i;
              GroupProducts.accumulate(x, a, step, d, block, shape.k(), columns.outputs, sums, o);
            }
          }
        }
      }
    }
  }

  /** Adds up the workers' sums of a share of the filters. */
  private void write(int worker, Rows dw) {
    int first = shape.k() * worker / scratch.workers();
    int end = shape.k() * (worker + 1) / scratch.workers();
    float[] g = scratch.get(worker, Use.FILTERS);
    int group = shape.groupInputs();
    int filter = group * shape.taps();
    for (int k = first; k < end; k++) {
      for (int tap = 0; tap < shape.taps(); tap++) {
        for (int c = 0; c < group; c++) {
          int at = place(k, tap, c);
          float sum = scratch.get(0, Use.SUMS)[at];
          for (int other = 1; other < scratch.workers(); other++) {
            sum += scratch.get(other, Use.SUMS)[at];
          }
          g[(k - first) * filter + c * shape.taps() + tap] = sum;
        }
      }
    }
    dw.put(first * filter, g, 0, (end - first) * filter, null);
  }

  /** Where the sum of a filter's tap lies. */
  private int place(int k, int tap, int c) {
    if (shape.depthwise()) {
      return tap * pitch + k;
    }
    int block = k / LANES * LANES;
    int inputs = shape.groupInputs();
    int outputs = shape.groupOutputs();
    int channel =
        GroupProducts.channel(k, inputs, outputs)
            - GroupProducts.channel(block, inputs, outputs)
            + c;
    return ((block * shape.taps() + tap * LANES) * channels) + channel * LANES + k % LANES;
  }
}
