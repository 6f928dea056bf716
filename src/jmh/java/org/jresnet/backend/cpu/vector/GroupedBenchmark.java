package org.jresnet.backend.cpu.vector;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.SplittableRandom;
import org.jresnet.HostBenchmark;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * Convolutions in groups of the mobile networks: sixteen images, fp32, one worker.
 *
 * <p>Floor: input and output pass through memory once, which takes 2 ms for 144@56 at 30 GB/s. The
 * multiply-adds of a depthwise 5x5 convolution take a third of that at two vectors per cycle.
 */
public class GroupedBenchmark extends HostBenchmark {
  private static final int IMAGES = 16;

  /** Of the root mean square: sums of at most 50,176 products, by image, and the worst of many. */
  private static final double TOLERANCE = 1e-4;

  /** Elements that are compared. */
  private static final int SAMPLES = 200;

  /** Channels, side of the image, window, stride, groups. */
  @Param({
    "144@56 3x3 s1 g144",
    "96@112 3x3 s2 g96",
    "240@28 5x5 s1 g240",
    "144@56 5x5 s2 g144",
    "1152@7 5x5 s1 g1152",
    "48@112 3x3 s2 g6",
    "208@14 3x3 s1 g26"
  })
  public String shape;

  private int channels;
  private int side;
  private int size;
  private int stride;
  private int group;
  private int outputs;
  private FloatBuffer x;
  private FloatBuffer w;
  private FloatBuffer dy;
  private FloatBuffer y;
  private FloatBuffer dw;
  private Rows xRows;
  private Rows wRows;
  private Rows dyRows;
  private Rows yRows;
  private Rows dxRows;
  private Rows dwRows;
  private GroupedConv conv;
  private GroupedConv adjoint;
  private GroupedWeights weights;
  private float[] filters;
  private float[] adjointFilters;

  /** Compares samples of outputs and of filters' gradients with direct sums in double precision. */
  @Setup
  public void bind() {
    String[] words = shape.split("[@ x]");
    channels = Integer.parseInt(words[0]);
    side = Integer.parseInt(words[1]);
    size = Integer.parseInt(words[2]);
    stride = Integer.parseInt(words[4].substring(1));
    int groups = Integer.parseInt(words[5].substring(1));
    group = channels / groups;
    Window window = new Window(size, stride, size / 2, 1);
    outputs = window.outputs(side);
    int taps = channels * group * size * size;
    ByteBuffer xBytes = numbers(IMAGES * side * side * channels, 1);
    ByteBuffer wBytes = numbers(taps, 2);
    ByteBuffer dyBytes = numbers(IMAGES * outputs * outputs * channels, 3);
    ByteBuffer yBytes = numbers(IMAGES * outputs * outputs * channels, 4);
    ByteBuffer dwBytes = numbers(taps, 5);
    x = xBytes.asFloatBuffer();
    w = wBytes.asFloatBuffer();
    dy = dyBytes.asFloatBuffer();
    y = yBytes.asFloatBuffer();
    dw = dwBytes.asFloatBuffer();
    xRows = Rows.floats(xBytes);
    wRows = Rows.floats(wBytes);
    dyRows = Rows.floats(dyBytes);
    yRows = Rows.floats(yBytes);
    dwRows = Rows.floats(dwBytes);
    dxRows = Rows.floats(numbers(IMAGES * side * side * channels, 6));
    Scratch scratch = new Scratch(1);
    GroupedShape of =
        new GroupedShape(IMAGES, side, side, channels, channels, groups, window, window);
    Tail none = new Tail(false, Curve.IDENTITY);
    conv = GroupedConv.of(of, false, none, scratch);
    adjoint = GroupedConv.of(of, true, none, scratch);
    weights = new GroupedWeights(of, scratch);
    filters = new float[conv.filterSize()];
    adjointFilters = new float[adjoint.filterSize()];
    forward();
    weights();
    SplittableRandom random = new SplittableRandom(7);
    // Values are uniform in [-1, 1]: products have a variance of 1/9.
    double forwardSize = Math.sqrt(size * size * group) / 3;
    double weightsSize = Math.sqrt(IMAGES * outputs * outputs) / 3;
    for (int i = 0; i < SAMPLES; i++) {
      int k = random.nextInt(channels);
      int pixel = random.nextInt(IMAGES * outputs * outputs);
      int place = pixel * channels + k;
      require("output " + place, sum(pixel, k), y.get(place), TOLERANCE * forwardSize);
      int c = random.nextInt(group);
      int tap = random.nextInt(size * size);
      int at = (k * group + c) * size * size + tap;
      require("weight " + at, gradient(k, c, tap), dw.get(at), TOLERANCE * weightsSize);
    }
  }

  /** The input that a tap of an output meets, in a channel of a filter's group. */
  private double at(int pixel, int tap, int k, int c) {
    int row = pixel / outputs % outputs * stride + tap / size - size / 2;
    int column = pixel % outputs * stride + tap % size - size / 2;
    if (row < 0 || row >= side || column < 0 || column >= side) {
      return 0;
    }
    int image = pixel / (outputs * outputs);
    return x.get(((image * side + row) * side + column) * channels + k / group * group + c);
  }

  private double sum(int pixel, int k) {
    double sum = 0;
    for (int c = 0; c < group; c++) {
      for (int tap = 0; tap < size * size; tap++) {
        sum += at(pixel, tap, k, c) * w.get((k * group + c) * size * size + tap);
      }
    }
    return sum;
  }

  private double gradient(int k, int c, int tap) {
    double sum = 0;
    for (int pixel = 0; pixel < IMAGES * outputs * outputs; pixel++) {
      sum += at(pixel, tap, k, c) * dy.get(pixel * channels + k);
    }
    return sum;
  }

  /** The output. */
  @Benchmark
  public Rows forward() {
    conv.packFilters(0, wRows, filters);
    conv.start();
    conv.run(0, xRows, filters, null, yRows);
    return yRows;
  }

  /** The gradient of the input. */
  @Benchmark
  public Rows data() {
    adjoint.packFilters(0, wRows, adjointFilters);
    adjoint.start();
    adjoint.run(0, dyRows, adjointFilters, null, dxRows);
    return dxRows;
  }

  /** The gradient of the filters. */
  @Benchmark
  public Rows weights() {
    weights.run(0, xRows, dyRows, dwRows, () -> {});
    return dwRows;
  }
}
