package org.jresnet.inspect.exercise;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jresnet.base.Text;
import org.jresnet.inspect.exercise.Call.Mistake;
import org.jresnet.inspect.exercise.Call.Result;

/** Calls a learner's methods and holds what comes out against what is expected. */
public final class Trial {
  private final LearnerClass learner;
  private final List<String> remarks = new ArrayList<>();
  private long nanos;
  private long trustedNanos;

  Trial(LearnerClass learner) {
    this.learner = learner;
  }

  /**
   * Calls a method.
   *
   * @return the values of the results, in their order
   * @throws Wrong naming the first value that is off
   */
  List<double[]> call(Call call) {
    long start = System.nanoTime();
    Object returned = learner.call(call.method(), call.arguments());
    nanos += System.nanoTime() - start;
    List<double[]> found = new ArrayList<>();
    for (Result r : call.results()) {
      Object nested = r.isReturned() ? returned : call.arguments().get(r.argument());
      double[] values;
      try {
        values = Nested.flat(r.name(), nested, r.extents());
      } catch (Wrong e) {
        throw new Wrong(Text.format("%s: %s", call.where(), e.getMessage()), e.hint());
      }
      compare(call, r, values);
      found.add(values);
    }
    return found;
  }

  private static void compare(Call call, Result r, double[] found) {
    int first = firstOff(found, r.expected(), call.tolerance());
    if (first < 0) {
      return;
    }
    double allowed = call.tolerance() * largest(r.expected());
    int off = 0;
    for (int i = 0; i < found.length; i++) {
      off += isOff(found[i], r.expected()[i], allowed) ? 1 : 0;
    }
    throw new Wrong(
        Text.format(
            "%s: %s should be %s, is %s (%d of %s wrong)",
            call.where(),
            element(r, first),
            number(r.expected()[first]),
            number(found[first]),
            off,
            Text.count(found.length, "value")),
        hint(call, r, found));
  }

  private static Optional<String> hint(Call call, Result r, double[] found) {
    if (java.util.Arrays.stream(found).anyMatch(Double::isNaN)) {
      return Optional.of("NaN comes from 0/0, or from the root of a negative number");
    }
    return call.mistakes().get().stream()
        .filter(m -> m.result().equals(r.name()))
        .filter(
            m ->
                firstOff(m.values(), r.expected(), call.tolerance()) >= 0
                    && firstOff(found, m.values(), call.tolerance()) < 0)
        .map(Mistake::hint)
        .findFirst();
  }

  /** Index of the first value that is off; −1 if none is. */
  private static int firstOff(double[] found, double[] expected, double tolerance) {
    double allowed = tolerance * largest(expected);
    for (int i = 0; i < found.length; i++) {
      if (isOff(found[i], expected[i], allowed)) {
        return i;
      }
    }
    return -1;
  }

  /** NaN is off, too. */
  private static boolean isOff(double found, double expected, double allowed) {
    return !(Math.abs(found - expected) <= allowed);
  }

  private static double largest(double[] values) {
    double largest = 0;
    for (double v : values) {
      largest = Math.max(largest, Math.abs(v));
    }
    return largest;
  }

  /** {@code y[n=0 p=1 q=2 k=0]}, or the name of a single number. */
  private static String element(Result r, int flat) {
    StringBuilder text = new StringBuilder();
    for (int d = r.extents().length - 1; d >= 0; d--) {
      text.insert(0, (d > 0 ? " " : "") + r.axes().charAt(d) + "=" + flat % r.extents()[d]);
      flat /= r.extents()[d];
    }
    return text.isEmpty() ? r.name() : r.name() + "[" + text + "]";
  }

  private static String number(double v) {
    return v == Math.rint(v) && Math.abs(v) < 1e9
        ? Long.toString((long) v)
        : Text.format("%.9g", v);
  }

  /** The learner's line among these, for what has no end. */
  String at(StackTraceElement... frames) {
    return learner.at(frames);
  }

  /** Adds what the trusted side took for the same. */
  void addTrusted(long more) {
    trustedNanos += more;
  }

  /** Forgets times: what comes now is to be timed. */
  void startClock() {
    nanos = 0;
    trustedNanos = 0;
  }

  /** Seconds in the learner's code since {@link #startClock}. */
  double seconds() {
    return nanos / 1e9;
  }

  /** Seconds of the trusted side since then. */
  double trustedSeconds() {
    return trustedNanos / 1e9;
  }

  /** Something to tell a learner whose code is right. */
  void remark(String text) {
    remarks.add(text);
  }

  List<String> remarks() {
    return List.copyOf(remarks);
  }
}
