package org.jresnet.weights;

import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Which names tensors may have: those that every form of file can hold. */
final class TensorNames {
  /** The key of the metadata in a safetensors header. */
  static final String METADATA = "__metadata__";

  private TensorNames() {}

  /** What is wrong with a name, if anything. */
  static Optional<String> check(String name) {
    if (name.length() > Limits.NAME) {
      return Optional.of(
          "the name "
              + FileBytes.show(name)
              + " has "
              + name.length()
              + " characters, allowed are "
              + Limits.NAME);
    }
    if (name.equals(METADATA)) {
      return Optional.of("a tensor is called " + METADATA + ", which safetensors keeps for itself");
    }
    return isText(name)
        ? Optional.empty()
        : Optional.of("the name " + FileBytes.show(name) + " is no text (half a surrogate pair)");
  }

  /** Whether it can be written in UTF-8: half a surrogate pair cannot. */
  static boolean isText(String text) {
    return StandardCharsets.UTF_8.newEncoder().canEncode(text);
  }
}
