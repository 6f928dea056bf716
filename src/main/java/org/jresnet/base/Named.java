package org.jresnet.base;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** What users and files write as a name, such as an enum's constant. */
public interface Named {
  /** The name: {@code cpu}; that of the constant in lower case, unless it says otherwise. */
  default String id() {
    return ((Enum<?>) this).name().toLowerCase(Locale.ROOT);
  }

  /** Other names that mean the same, such as those that older versions wrote. */
  default List<String> aliases() {
    return List.of();
  }

  /**
   * The constant of that name, in upper or lower case.
   *
   * @param what names the kind of constant in the message: {@code backend}
   * @throws UserError listing the known names
   */
  static <E extends Enum<E> & Named> E of(Class<E> type, String what, String text) {
    String wanted = text.toLowerCase(Locale.ROOT);
    return Arrays.stream(type.getEnumConstants())
        .filter(c -> c.id().equals(wanted) || c.aliases().contains(wanted))
        .findFirst()
        .orElseThrow(
            () ->
                new UserError(
                    Text.format(
                        "unknown %s '%s'; known: %s",
                        what,
                        text,
                        Arrays.stream(type.getEnumConstants())
                            .map(Named::id)
                            .collect(Collectors.joining(", ")))));
  }
}
