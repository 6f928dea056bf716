package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jresnet.check.Bound;
import org.jresnet.check.Comparison;
import org.jresnet.check.OpCheck;
import org.jresnet.graph.Slot;

/** A backend that is held to a contract, and what it is compared with. */
interface BackendUnderTest {
  /** What results must equal where every backend computes with the same numbers. */
  Bound EXACT = new Bound.Exact();

  /** The backend, open. */
  Backend backend();

  /** The same; an op that reads or writes what its spec does not list fails. */
  Backend checked();

  /** The name that it must have. */
  String name();

  /** Precisions to test; one that this machine lacks is skipped with the backend's reason. */
  List<Precision> precisions();

  /** Precisions whose inputs are torch's to the bit. */
  default Stream<Precision> wide() {
    return precisions().stream().filter(p -> p != Precision.BF16 && p != Precision.FP16);
  }

  /** What the op must give in double precision: the slots that it writes. */
  Map<Slot, double[]> expected(OpSpec inDouble, Map<Slot, double[]> inputs);

  /** Skips a test in a precision that this machine lacks. */
  default void require(Precision precision) {
    if (backend().supports(precision) instanceof Support.No no) {
      assumeTrue(false, name() + " " + precision.id() + " did not run: " + no.reason());
    }
  }

  /** Runs one op and compares all that it writes. */
  default void compare(
      OpSpec spec,
      Map<Slot, Slot> aliases,
      Map<Slot, double[]> inputs,
      Map<Slot, double[]> expected,
      Bound bound) {
    List<Comparison> all =
        OpCheck.compare(checked(), spec, aliases, new OpCheck.Given(inputs, expected), bound);
    assertThat(all).isNotEmpty().allMatch(Comparison::ok);
  }

  /** What nobody has written yet. */
  static double[] nan(int count) {
    double[] values = new double[count];
    Arrays.fill(values, Double.NaN);
    return values;
  }
}
