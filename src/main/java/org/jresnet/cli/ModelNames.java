package org.jresnet.cli;

import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import org.jresnet.models.Architecture;

/** The networks that {@code --model} takes, for help texts and the shell's completion. */
final class ModelNames implements Iterable<String> {
  /** In an option's description: their names with commas. */
  static final String LISTED =
      "${COMPLETION-CANDIDATES}; of the first family also forms such as NAME:shortcut=A, NAME:preact or NAME:plain, see"
          + " docs/networks.md.";

  private static final List<String> NAMES =
      Architecture.all().stream().map(Architecture::id).toList();

  /** Whether a network's name stands at the beginning, alone or before a colon. */
  static boolean begins(String text) {
    return NAMES.contains(text.split(":", 2)[0].toLowerCase(Locale.ROOT));
  }

  @Override
  public Iterator<String> iterator() {
    return NAMES.iterator();
  }
}
