package org.jresnet.weights;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jresnet.graph.Parameter;

/**
 * All differences between what a network expects and what a file holds.
 *
 * @param missing expected, not there
 * @param unexpected there, not expected
 * @param misshapen there with another shape: name, expected and found
 */
public record StrictReport(List<String> missing, List<String> unexpected, List<String> misshapen) {
  /**
   * Compares; the {@code num_batches_tracked} counters may be missing, files from before PyTorch
   * 0.4.1 have none.
   */
  public static StrictReport compare(List<Parameter> expected, StateDict found) {
    List<String> missing = new ArrayList<>();
    List<String> misshapen = new ArrayList<>();
    Set<String> unexpected = new LinkedHashSet<>(found.tensors().keySet());
    for (Parameter p : expected) {
      unexpected.remove(p.name());
      HostTensor tensor = found.tensors().get(p.name());
      if (tensor == null) {
        if (p.role() != Parameter.Role.BATCHES_TRACKED) {
          missing.add(p.name());
        }
        continue;
      }
      List<Long> shape = p.shape().stream().map(Integer::longValue).toList();
      boolean counter = p.role() == Parameter.Role.BATCHES_TRACKED && tensor.elements() == 1;
      if (!tensor.shape().equals(shape) && !counter) {
        misshapen.add(p.name() + ": expected " + shape + ", found " + tensor.shape());
      }
    }
    return new StrictReport(missing, List.copyOf(unexpected), misshapen);
  }

  /** Whether file and network agree. */
  public boolean clean() {
    return missing.isEmpty() && unexpected.isEmpty() && misshapen.isEmpty();
  }

  /** Everything in one text. */
  public String text() {
    StringBuilder text = new StringBuilder();
    append(text, "missing", missing);
    append(text, "unexpected", unexpected);
    append(text, "wrong shape", misshapen);
    return text.toString();
  }

  private static void append(StringBuilder text, String title, List<String> names) {
    if (!names.isEmpty()) {
      text.append("\n  ").append(title).append(" (").append(names.size()).append("):");
      names.forEach(name -> text.append("\n    ").append(name));
    }
  }
}
