package org.jresnet.inspect.exercise;

import java.util.List;
import java.util.Optional;

/**
 * What became of a learner's class.
 *
 * @param checks every test in order, those that were not reached left out
 * @param tests number of tests
 * @param remarks figures of the passed tests
 */
public record Grade(List<Check> checks, int tests, List<String> remarks) {
  /**
   * One test.
   *
   * @param name of the test
   * @param problem what is wrong; empty if nothing is
   * @param hint what to look at
   */
  public record Check(String name, Optional<String> problem, Optional<String> hint) {
    /** Whether nothing is wrong. */
    public boolean passed() {
      return problem.isEmpty();
    }
  }

  /** Copies the lists. */
  public Grade {
    checks = List.copyOf(checks);
    remarks = List.copyOf(remarks);
  }

  /** Number of tests that passed. */
  public int points() {
    return (int) checks.stream().filter(Check::passed).count();
  }

  /** Whether all did. */
  public boolean passed() {
    return points() == tests;
  }
}
