package org.jresnet.backend.cpu.vector;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.SplittableRandom;
import org.jresnet.HostBenchmark;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * The 3x3 convolutions of ResNets by Winograd's algorithm: four images, fp32, one worker.
 *
 * <p>Floor: 36/16 multiply-adds per output, channel and filter instead of 9, at two vectors per
 * cycle: a quarter of the time of a perfect direct convolution. All four shapes have 462 million
 * multiply-adds in a direct sum. Here it is 116 million, and more where tiles reach over the edge.
 */
public class WinogradBenchmark extends HostBenchmark {
  private static final int IMAGES = 4;

  /** Of the root mean square; the bound of the contract test with room for the worst of many. */
  private static final double TOLERANCE = 1e-4;

  /** Elements that are compared. */
  private static final int SAMPLES = 500;

  /** Channels and side of the image. */
  @Param({"64@56", "128@28", "256@14", "512@7"})
  public String shape;

  private int channels;
  private int side;
  private FloatBuffer x;
  private FloatBuffer w;
  private FloatBuffer y;
  private FloatBuffer dw;
  private Rows xRows;
  private Rows wRows;
  private Rows yRows;
  private Rows dyRows;
  private Rows dwRows;
  private FloatBuffer dy;
  private WinogradConv conv;
  private WinogradWeights weights;
  private float[] filters;

  /** Compares samples of both results with direct sums in double precision. */
  @Setup
  public void bind() {
    channels = Integer.parseInt(shape.split("@")[0]);
    side = Integer.parseInt(shape.split("@")[1]);
    int pixels = IMAGES * side * side;
    ByteBuffer xBytes = numbers(pixels * channels, 1);
    ByteBuffer wBytes = numbers(9 * channels * channels, 2);
    ByteBuffer dyBytes = numbers(pixels * channels, 3);
    ByteBuffer yBytes = numbers(pixels * channels, 4);
    ByteBuffer dwBytes = numbers(9 * channels * channels, 5);
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
    Scratch scratch = new Scratch(1);
    WinogradShape of = new WinogradShape(IMAGES, side, side, channels, channels, 1);
    conv = new WinogradConv(of, false, new Tail(false, Curve.IDENTITY), scratch);
    weights = new WinogradWeights(of, scratch);
    filters = new float[conv.filterSize()];
    filters();
    forward();
    weights();
    SplittableRandom random = new SplittableRandom(6);
    // Values are uniform in [-1, 1]: products have a variance of 1/9.
    double forwardSize = Math.sqrt(channels);
    double weightsSize = Math.sqrt(pixels) / 3;
    for (int i = 0; i < SAMPLES; i++) {
      int k = random.nextInt(channels);
      int pixel = random.nextInt(pixels);
      int place = pixel * channels + k;
      require("output " + place, sum(pixel, k), y.get(place), TOLERANCE * forwardSize);
      int c = random.nextInt(channels);
      int tap = random.nextInt(9);
      int at = (k * channels + c) * 9 + tap;
      require("weight " + at, gradient(k, c, tap), dw.get(at), TOLERANCE * weightsSize);
    }
  }

  private double at(int pixel, int tap, int c) {
    int row = pixel / side % side + tap / 3 - 1;
    int column = pixel % side + tap % 3 - 1;
    if (row < 0 || row >= side || column < 0 || column >= side) {
      return 0;
    }
    int image = pixel / (side * side);
    return x.get(((image * side + row) * side + column) * channels + c);
  }

  private double sum(int pixel, int k) {
    double sum = 0;
    for (int c = 0; c < channels; c++) {
      for (int tap = 0; tap < 9; tap++) {
        sum += at(pixel, tap, c) * w.get((k * channels + c) * 9 + tap);
      }
    }
    return sum;
  }

  private double gradient(int k, int c, int tap) {
    double sum = 0;
    for (int pixel = 0; pixel < IMAGES * side * side; pixel++) {
      sum += at(pixel, tap, c) * dy.get(pixel * channels + k);
    }
    return sum;
  }

  /** The transform of the filters, once per step of training. */
  @Benchmark
  public float[] filters() {
    conv.packFilters(0, wRows, filters);
    return filters;
  }

  /** The output from transformed filters; the gradient of the input is the same work. */
  @Benchmark
  public Rows forward() {
    conv.start();
    conv.run(0, xRows, filters, null, yRows);
    return yRows;
  }

  /** The gradient of the filters. */
  @Benchmark
  public Rows weights() {
    weights.run(0, xRows, dyRows, dwRows, () -> {});
    return dwRows;
  }
}
