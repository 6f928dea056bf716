package org.jresnet.detect.report;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/** A JSON object of a result file, read by key; what another version did not write is absent. */
final class JsonTree {
  private final Path file;
  private final Map<String, Object> values;

  private JsonTree(Path file, Map<String, Object> values) {
    this.file = file;
    this.values = values;
  }

  /**
   * Reads a file that is there.
   *
   * @throws UserError when it is no JSON object
   */
  static Optional<JsonTree> read(Path file, String what) {
    return Files.exists(file)
        ? Optional.of(new JsonTree(file, Json.object(file, what)))
        : Optional.empty();
  }

  Path file() {
    return file;
  }

  private UserError wrong(String key, String expected, Object found) {
    return new UserError(
        Text.format(
            "%s: expected %s as \"%s\", found %s; write the file anew with the command that made it",
            file, expected, key, found.getClass().getSimpleName()));
  }

  Optional<String> text(String key) {
    return Optional.ofNullable(values.get(key)).map(Object::toString);
  }

  Optional<Double> number(String key) {
    Object v = values.get(key);
    if (v == null) {
      return Optional.empty();
    }
    if (v instanceof Number n) {
      return Optional.of(n.doubleValue());
    }
    throw wrong(key, "a number", v);
  }

  Optional<JsonTree> object(String key) {
    Object v = values.get(key);
    return v == null ? Optional.empty() : Optional.of(tree(key, v));
  }

  private JsonTree tree(String key, Object v) {
    if (!(v instanceof Map<?, ?> map)) {
      throw wrong(key, "an object", v);
    }
    Map<String, Object> copy = new LinkedHashMap<>();
    map.forEach((k, value) -> copy.put(k.toString(), value));
    return new JsonTree(file, copy);
  }

  /** Keys in the order of the file. */
  List<String> keys() {
    return List.copyOf(values.keySet());
  }

  /** The objects of a list; none where the key is absent. */
  List<JsonTree> objects(String key) {
    return list(key).stream().map(v -> tree(key, v)).toList();
  }

  /** A list of whatever; empty where the key is absent. */
  List<Object> list(String key) {
    Object v = values.get(key);
    if (v == null) {
      return List.of();
    }
    if (v instanceof List<?> list) {
      return list.stream().map(Object.class::cast).toList();
    }
    throw wrong(key, "a list", v);
  }

  List<String> texts(String key) {
    return list(key).stream().map(String::valueOf).toList();
  }

  /** Numbers; what is no number, as NaN written as text, is NaN. */
  double[] numbers(String key) {
    return numbers(list(key));
  }

  /** Rows of numbers; none where the key is absent. */
  List<double[]> rows(String key) {
    List<double[]> rows = new ArrayList<>();
    for (Object row : list(key)) {
      if (!(row instanceof List<?> numbers)) {
        throw wrong(key, "lists of numbers", row);
      }
      rows.add(numbers(numbers));
    }
    return rows;
  }

  private static double[] numbers(List<?> list) {
    return list.stream()
        .mapToDouble(v -> v instanceof Number n ? n.doubleValue() : Double.NaN)
        .toArray();
  }
}
