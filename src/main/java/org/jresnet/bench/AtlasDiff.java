package org.jresnet.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.bench.Atlas.Row;

/**
 * Two atlases, of two machines or versions, beside each other.
 *
 * @param changes rows of both, sorted by how much their time differs
 * @param before rows of the first alone
 * @param after rows of the second alone
 */
public record AtlasDiff(List<Change> changes, List<Row> before, List<Row> after) {
  /** The same product by the same implementation in both. */
  public record Change(Row before, Row after) {
    /** Time of the second as a share of the first's: below 1 the second is faster. */
    public double ratio() {
      return after.ms() / before.ms();
    }
  }

  /** Copies the lists. */
  public AtlasDiff {
    changes = List.copyOf(changes);
    before = List.copyOf(before);
    after = List.copyOf(after);
  }

  /**
   * Compares.
   *
   * @throws UserError if they have no row in common
   */
  public static AtlasDiff of(Atlas first, Atlas second) {
    Map<String, Row> rest = new LinkedHashMap<>();
    second.rows().forEach(row -> rest.put(row.key(), row));
    List<Change> changes = new ArrayList<>();
    List<Row> before = new ArrayList<>();
    for (Row row : first.rows()) {
      Row other = rest.remove(row.key());
      if (other == null) {
        before.add(row);
      } else {
        changes.add(new Change(row, other));
      }
    }
    if (changes.isEmpty()) {
      throw new UserError(
          Text.format(
              "these atlases have no row in common: one is of %s, the other of %s; measure both with"
                  + " the same --model, --batch, --size, --precision and --threads",
              what(first), what(second)));
    }
    changes.sort(
        Comparator.comparingDouble((Change c) -> Math.abs(Math.log(c.ratio()))).reversed());
    return new AtlasDiff(changes, before, List.copyOf(rest.values()));
  }

  private static String what(Atlas atlas) {
    return Text.format(
        "%s, batch %d, %d pixels, %s",
        atlas.origin().network(),
        atlas.origin().batch(),
        atlas.origin().size(),
        atlas.rows().stream()
            .map(r -> r.precision().id() + " with " + r.threads() + " threads")
            .distinct()
            .toList());
  }
}
