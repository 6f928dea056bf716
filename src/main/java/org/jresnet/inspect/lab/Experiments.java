package org.jresnet.inspect.lab;

import java.util.List;
import java.util.stream.Collectors;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/** All experiments. */
public final class Experiments {
  private static final List<Experiment> ALL =
      List.of(
          new Lesions(),
          new Cuts(),
          new Scaling(),
          new Rerouting(),
          new GradientFlow(),
          new PathLengths(),
          new BlockWork(),
          new BlockSimilarity(),
          new Shortcuts(),
          new Landscape());

  private Experiments() {}

  /** Every experiment, those that train last. */
  public static List<Experiment> all() {
    return ALL;
  }

  /**
   * Those of the given names, in the order of {@link #all}; all where none is named.
   *
   * @throws UserError listing the known names
   */
  public static List<Experiment> named(List<String> ids) {
    List<String> known = ALL.stream().map(Experiment::id).toList();
    for (String id : ids) {
      if (!known.contains(id)) {
        throw new UserError(
            Text.format(
                "unknown experiment '%s'; known are %s",
                id, known.stream().collect(Collectors.joining(", "))));
      }
    }
    return ALL.stream().filter(e -> ids.isEmpty() || ids.contains(e.id())).toList();
  }
}
