package org.jresnet.weights;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A Python dict as its pairs in file order, with later ones overriding earlier ones. Nothing is
 * hashed, so no choice of keys makes it slow.
 */
final class PickleDict {
  /** Key, value, key, value. */
  private final List<Object> items = new ArrayList<>(2);

  void put(Object key, Object value) {
    items.add(key);
    items.add(value);
  }

  /** Number of pairs, repeated keys included. */
  int size() {
    return items.size() / 2;
  }

  Object key(int i) {
    return items.get(2 * i);
  }

  Object value(int i) {
    return items.get(2 * i + 1);
  }

  /** The values whose keys are texts; such keys may collide, and then Java's maps compare them. */
  Map<String, Object> byName() {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < size(); i++) {
      if (key(i) instanceof String name) {
        map.put(name, value(i));
      }
    }
    return map;
  }

  @Override
  public String toString() {
    return "a dict of " + size();
  }
}
