package org.jresnet.inspect.lab;

import java.util.List;

/**
 * What an experiment found.
 *
 * @param finding the most telling number, in a sentence
 * @param columns names of the table's columns
 * @param rows texts, whole numbers and fractions, one a column
 * @param panels the picture, from top to bottom
 */
public record Result(
    String finding, List<String> columns, List<List<Object>> rows, List<Panel> panels) {
  /** Copies the table and checks its form. */
  public Result {
    columns = List.copyOf(columns);
    rows = rows.stream().map(List::copyOf).toList();
    panels = List.copyOf(panels);
    for (List<Object> row : rows) {
      if (row.size() != columns.size()) {
        throw new IllegalArgumentException("expected " + columns + ", found the row " + row);
      }
    }
  }
}
