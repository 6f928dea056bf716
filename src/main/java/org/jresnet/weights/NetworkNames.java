package org.jresnet.weights;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;

/**
 * Finds a network's names among those of a file, behind whatever prefix wrappers gave them: {@code
 * module.} (DataParallel, AveragedModel), {@code _orig_mod.} (torch.compile), {@code model.}
 * (Lightning), {@code encoder_q.}, {@code backbone.} and so on.
 */
final class NetworkNames {
  /** What DataParallel and torch.compile put before every name. */
  private static final List<String> WRAPPERS = List.of("module.", "_orig_mod.");

  /**
   * Where a network lies.
   *
   * @param prefix what stands before its names, may be empty
   * @param whole whether its classifier is there, too
   * @param others further prefixes behind which the same network lies
   */
  record Fit(String prefix, boolean whole, List<String> others) {}

  private NetworkNames() {}

  /** The first place where the names of one of the networks are, larger networks first. */
  static Optional<Fit> find(Set<String> names, List<Graph> networks) {
    List<Graph> largest = new ArrayList<>(networks);
    largest.sort(Comparator.comparingInt(g -> -g.parameters().size()));
    for (Graph network : largest) {
      Set<String> prefixes = prefixes(names, network);
      for (boolean whole : new boolean[] {true, false}) {
        List<String> fitting =
            prefixes.stream().filter(p -> holds(names, p, network, whole)).toList();
        if (!fitting.isEmpty()) {
          return Optional.of(new Fit(fitting.get(0), whole, fitting.subList(1, fitting.size())));
        }
      }
    }
    return Optional.empty();
  }

  private static Set<String> prefixes(Set<String> names, Graph network) {
    String first = network.parameters().get(0).name();
    Set<String> prefixes = new LinkedHashSet<>();
    for (String name : names) {
      String prefix =
          name.endsWith(first) ? name.substring(0, name.length() - first.length()) : "-";
      if (prefix.isEmpty() || prefix.endsWith(".")) {
        prefixes.add(prefix);
      }
    }
    return prefixes;
  }

  private static boolean holds(Set<String> names, String prefix, Graph network, boolean whole) {
    List<Parameter> head = network.head().parameters();
    for (Parameter p : network.parameters()) {
      boolean needed = p.role() != Parameter.Role.BATCHES_TRACKED && (whole || !head.contains(p));
      if (needed && !names.contains(prefix + p.name())) {
        return false;
      }
    }
    return true;
  }

  /**
   * Takes prefixes off: that of the network, or, where none was found, those of wrappers that all
   * module names share. What does not have the prefix is left out. Both are noted.
   */
  static <T> Map<String, T> strip(Map<String, T> tensors, Optional<Fit> fit, List<String> notes) {
    String prefix = fit.isPresent() ? fit.get().prefix() : shared(tensors.keySet());
    fit.filter(f -> !f.others().isEmpty())
        .ifPresent(
            f ->
                notes.add(
                    "the same network is also there with the prefixes "
                        + FileBytes.show(f.others())));
    if (prefix.isEmpty()) {
      return tensors;
    }
    Map<String, T> stripped = new LinkedHashMap<>();
    List<String> left = new ArrayList<>();
    tensors.forEach(
        (name, tensor) -> {
          if (name.startsWith(prefix)) {
            stripped.put(name.substring(prefix.length()), tensor);
          } else {
            left.add(name);
          }
        });
    notes.add(
        "removed the prefix '"
            + FileBytes.show(prefix)
            + "' from "
            + (left.isEmpty()
                ? "all names"
                : stripped.size() + " names, left out the others: " + FileBytes.show(left)));
    return stripped;
  }

  /** The wrapper prefixes of all names that belong to a module, which have a dot. */
  private static String shared(Set<String> names) {
    String prefix = "";
    for (boolean longer = true; longer; ) {
      longer = false;
      for (String next : WRAPPERS) {
        String candidate = prefix + next;
        String before = prefix;
        List<String> modules =
            names.stream()
                .filter(n -> n.startsWith(before) && n.indexOf('.', before.length()) >= 0)
                .toList();
        if (!modules.isEmpty() && modules.stream().allMatch(n -> n.startsWith(candidate))) {
          prefix = candidate;
          longer = true;
        }
      }
    }
    return prefix;
  }
}
