package org.jresnet.distributed;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jresnet.base.BFloat16;

/** What every communicator does; each rank runs {@link #check}. */
public final class CommunicatorContract {
  private CommunicatorContract() {}

  /** Runs everything on this rank. */
  public static void check(Communicator ranks) {
    assertThat(ranks.rank()).isBetween(0, ranks.size() - 1);
    assertThat(ranks.leads()).isEqualTo(ranks.rank() == 0);
    sumsOfSinglePrecision(ranks);
    sumsOfDoublePrecision(ranks);
    sumsOfBf16(ranks);
    severalAtOnce(ranks);
    fewValues(ranks);
    broadcasts(ranks);
    gathers(ranks);
    ranks.barrier();
  }

  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  /** Whole numbers, whose sums are exact in any order; again and again in the same memory. */
  private static void sumsOfSinglePrecision(Communicator ranks) {
    int count = 100_003;
    ByteBuffer values = direct(count * Float.BYTES);
    Communicator.Reduction sum = ranks.reduction(values, Element.F32);
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < count; i++) {
        values.putFloat(i * Float.BYTES, number(ranks.rank(), round, i));
      }
      sum.start();
      sum.finish();
      for (int i = 0; i < count; i++) {
        float expected = 0;
        for (int r = 0; r < ranks.size(); r++) {
          expected += number(r, round, i);
        }
        assertThat(values.getFloat(i * Float.BYTES)).as("value %s", i).isEqualTo(expected);
      }
    }
    sum.close();
  }

  private static float number(int rank, int round, int i) {
    return (rank + 1) * (i % 1009 - 504) + round;
  }

  private static void sumsOfDoublePrecision(Communicator ranks) {
    ByteBuffer values = direct(2 * Double.BYTES);
    Communicator.Reduction sum = ranks.reduction(values, Element.F64);
    values.putDouble(0, 0x1p-40 * (ranks.rank() + 1)).putDouble(Double.BYTES, 0x1p52);
    sum.start();
    sum.finish();
    int n = ranks.size();
    assertThat(values.getDouble(0)).isEqualTo(0x1p-40 * (n * (n + 1) / 2));
    assertThat(values.getDouble(Double.BYTES)).isEqualTo(0x1p52 * n);
    sum.close();
  }

  /** Real values round; all ranks see the same bits, close to the true sum. */
  private static void sumsOfBf16(Communicator ranks) {
    int count = 4099;
    ByteBuffer values = direct(count * Short.BYTES);
    Communicator.Reduction sum = ranks.reduction(values, Element.BF16);
    double[] exact = new double[count];
    double[] sizes = new double[count];
    for (int r = 0; r < ranks.size(); r++) {
      Random random = new Random(r);
      for (int i = 0; i < count; i++) {
        short bits = BFloat16.of((float) random.nextGaussian());
        exact[i] += BFloat16.toFloat(bits);
        sizes[i] += Math.abs(BFloat16.toFloat(bits));
        if (r == ranks.rank()) {
          values.putShort(i * Short.BYTES, bits);
        }
      }
    }
    sum.start();
    sum.finish();
    for (int i = 0; i < count; i++) {
      double found = BFloat16.toFloat(values.getShort(i * Short.BYTES));
      // Each addition is off by half a unit in the last of bf16's 8 bits at most.
      assertThat(Math.abs(found - exact[i]))
          .as("value %s", i)
          .isLessThanOrEqualTo((ranks.size() - 1) * 0x1p-8 * sizes[i]);
    }
    byte[] bytes = new byte[count * Short.BYTES];
    values.get(0, bytes);
    for (byte[] other : ranks.gather(bytes)) {
      assertThat(other).isEqualTo(bytes);
    }
    sum.close();
  }

  /** Several sums are under way at once, and a small one is made meanwhile. */
  private static void severalAtOnce(Communicator ranks) {
    List<ByteBuffer> memory = new ArrayList<>();
    List<Communicator.Reduction> sums = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      ByteBuffer values = direct(4096 * (i + 1));
      values.putFloat(0, i).putFloat(values.limit() - Float.BYTES, ranks.rank());
      memory.add(values);
      sums.add(ranks.reduction(values, Element.F32));
    }
    sums.forEach(Communicator.Reduction::start);
    double[] small = {1};
    ranks.sum(small);
    assertThat(small[0]).isEqualTo(ranks.size());
    for (int i = 0; i < 5; i++) {
      sums.get(i).finish();
      ByteBuffer values = memory.get(i);
      int n = ranks.size();
      assertThat(values.getFloat(0)).isEqualTo(i * n);
      assertThat(values.getFloat(values.limit() - Float.BYTES)).isEqualTo(n * (n - 1) / 2f);
    }
    sums.forEach(Communicator.Reduction::close);
  }

  private static void fewValues(Communicator ranks) {
    double[] values = {ranks.rank(), 1, Double.NaN};
    ranks.sum(values);
    int n = ranks.size();
    assertThat(values).containsExactly(n * (n - 1) / 2.0, n, Double.NaN);
  }

  private static void broadcasts(Communicator ranks) {
    for (int from = 0; from < ranks.size(); from++) {
      ByteBuffer values = direct(100).putInt(40, 1000 * ranks.rank() + 7);
      values.position(40).limit(44);
      ranks.broadcast(values, from);
      assertThat(values.position()).isEqualTo(40);
      assertThat(values.getInt(40)).isEqualTo(1000 * from + 7);
    }
  }

  private static void gathers(Communicator ranks) {
    // Of different lengths, one of them empty.
    List<byte[]> all = ranks.gather("x".repeat(3 * ranks.rank()).getBytes(UTF_8));
    assertThat(all).hasSize(ranks.size());
    for (int r = 0; r < all.size(); r++) {
      assertThat(new String(all.get(r), UTF_8)).isEqualTo("x".repeat(3 * r));
    }
    byte[] said = ranks.broadcast(("rank " + ranks.rank()).getBytes(UTF_8), ranks.size() - 1);
    assertThat(new String(said, UTF_8)).isEqualTo("rank " + (ranks.size() - 1));
  }
}
