package org.jresnet.inspect.trace;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jresnet.inspect.trace.ValueTrace.Quantity;
import org.jresnet.inspect.trace.ValueTrace.Reduction;
import org.jresnet.inspect.trace.ValueTrace.Source;
import org.jresnet.inspect.trace.ValueTrace.Term;

/** A formula while numbers are put into it. */
final class Terms {
  private final String formula;
  private final Source source;
  private final List<Term> terms = new ArrayList<>();
  private final List<Quantity> quantities = new ArrayList<>();
  private Reduction reduction = Reduction.SUM;
  private double value;

  /** A formula that {@code statement} of the reference's {@code file} computes. */
  Terms(String formula, String file, String statement) {
    this.formula = formula;
    source = new Source(file, statement);
  }

  /** Adds a product. */
  Terms add(String label, double... factors) {
    double product = 1;
    for (double factor : factors) {
      product *= factor;
    }
    terms.add(new Term(label, Arrays.stream(factors).boxed().toList(), product));
    value += product;
    return this;
  }

  /** Adds a number that is compared with the other terms. */
  void compare(String label, double candidate) {
    reduction = Reduction.LARGEST;
    value = terms.isEmpty() ? candidate : Math.max(value, candidate);
    terms.add(new Term(label, List.of(candidate), candidate));
  }

  /** Notes a number that is no term. */
  Terms note(String name, double number) {
    quantities.add(new Quantity(name, number));
    return this;
  }

  /** Sets a result that is no sum of terms. */
  Terms result(double number) {
    value = number;
    return this;
  }

  double value() {
    return value;
  }

  /** The finished trace of an element with at most so many terms. */
  ValueTrace trace(String tensor, int[] element, int most, double recorded) {
    List<Term> shown = terms;
    if (terms.size() > most) {
      double least =
          terms.stream()
              .map(t -> Math.abs(t.value()))
              .sorted(Comparator.reverseOrder())
              .skip(most - 1L)
              .findFirst()
              .orElseThrow();
      shown = terms.stream().filter(t -> Math.abs(t.value()) >= least).limit(most).toList();
    }
    double listed = shown.stream().mapToDouble(Term::value).sum();
    double all = terms.stream().mapToDouble(Term::value).sum();
    int leftOut = terms.size() - shown.size();
    return new ValueTrace(
        tensor,
        Arrays.stream(element).boxed().toList(),
        formula,
        source,
        reduction,
        shown,
        leftOut,
        leftOut == 0 ? 0 : all - listed,
        quantities,
        value,
        recorded);
  }
}
