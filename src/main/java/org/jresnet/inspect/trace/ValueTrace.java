package org.jresnet.inspect.trace;

import java.util.List;

/**
 * How one number of a step came about.
 *
 * @param tensor of the recording that holds it
 * @param element its indices: {@code n, h, w, c} for outputs and gradients of nodes, torch's order
 *     for parameters
 * @param formula with the letters of the reference
 * @param source the statement of the plain-Java reference that computes it
 * @param reduction what the terms make together
 * @param terms in the order of the computation; where there are very many, the largest
 * @param leftOut number of terms that are not listed
 * @param rest sum of these
 * @param quantities numbers of the formula that are no terms, in the order of the computation
 * @param computed the result in double precision from the recorded numbers
 * @param recorded the number in the recording
 */
public record ValueTrace(
    String tensor,
    List<Integer> element,
    String formula,
    Source source,
    Reduction reduction,
    List<Term> terms,
    int leftOut,
    double rest,
    List<Quantity> quantities,
    double computed,
    double recorded) {
  /** What terms make together. */
  public enum Reduction {
    /** Their sum. */
    SUM,
    /** The largest of them. */
    LARGEST
  }

  /**
   * A product of factors.
   *
   * @param label the factors with their indices, such as {@code x[0,3,4,2]·w[5,2,0,1]}
   * @param factors the numbers
   * @param value their product
   */
  public record Term(String label, List<Double> factors, double value) {}

  /** A number with its name. */
  public record Quantity(String name, double value) {}

  /**
   * A place in {@code org.jresnet.backend.reference}.
   *
   * @param file such as {@code ConvSums.java}
   * @param statement text of the line that computes; no other line of the file holds it
   */
  public record Source(String file, String statement) {}

  /** Copies the lists. */
  public ValueTrace {
    element = List.copyOf(element);
    terms = List.copyOf(terms);
    quantities = List.copyOf(quantities);
  }

  /** How far the recorded number lies from the computed one. */
  public double difference() {
    return recorded - computed;
  }
}
