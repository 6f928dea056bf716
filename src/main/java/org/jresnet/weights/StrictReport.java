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
 * @param tolerated {@code num_batches_tracked} counters that are not there; they do not count as
 *     missing, because files from before PyTorch 0.4.1 have none
 */
public record StrictReport(
    List<String> missing, List<String> unexpected, List<String> misshapen, List<String> tolerated) {
  /** Copies the lists. */
  public StrictReport {
    missing = List.copyOf(missing);
    unexpected = List.copyOf(unexpected);
    misshapen = List.copyOf(misshapen);
    tolerated = List.copyOf(tolerated);
  }

  /** Compares names and shapes; the counters may have the shape [] or [1]. */
  public static StrictReport compare(List<Parameter> expected, StateDict found) {
    List<String> missing = new ArrayList<>();
    List<String> misshapen = new ArrayList<>();
    List<String> tolerated = new ArrayList<>();
    Set<String> unexpected = new LinkedHashSet<>(found.tensors().keySet());
    for (Parameter p : expected) {
      unexpected.remove(p.name());
      boolean counter = p.role() == Parameter.Role.BATCHES_TRACKED;
      HostTensor tensor = found.tensors().get(p.name());
      if (tensor == null) {
        (counter ? tolerated : missing).add(p.name());
        continue;
      }
      List<Long> shape = p.shape().stream().map(Integer::longValue).toList();
      boolean single = counter && tensor.elements() == 1;
      if (!single && !tensor.shape().equals(shape)) {
        misshapen.add(p.name() + ": expected " + shape + ", found " + tensor.shape());
      }
    }
    return new StrictReport(missing, List.copyOf(unexpected), misshapen, tolerated);
  }

  /** Whether file and network agree, up to {@link #tolerated}. */
  public boolean clean() {
    return missing.isEmpty() && unexpected.isEmpty() && misshapen.isEmpty();
  }

  /** What is to be said even when the report is clean. */
  public List<String> notes() {
    return tolerated.isEmpty()
        ? List.of()
        : List.of(
            "the file has no num_batches_tracked for "
                + tolerated.size()
                + " batch norms, as in files from before PyTorch 0.4.1; they count from 0");
  }

  /** Everything, a line for each name. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    append(lines, "missing", missing);
    append(lines, "unexpected", unexpected);
    append(lines, "wrong shape", misshapen);
    append(lines, "missing, but tolerated", tolerated);
    return lines;
  }

  private static void append(List<String> lines, String title, List<String> names) {
    if (!names.isEmpty()) {
      lines.add("  " + title + " (" + names.size() + "):");
      names.forEach(name -> lines.add("    " + name));
    }
  }
}
