package org.jresnet.weights;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Named tensors in file order.
 *
 * @param tensors name to tensor
 * @param metadata texts that came with the file; empty for {@code .pth}
 * @param notes what the reader did that the user should know: unwrapping, prefixes, entries that
 *     are no tensors
 */
public record StateDict(
    Map<String, HostTensor> tensors, Map<String, String> metadata, List<String> notes) {
  /** Copies the maps, keeping their order. */
  public StateDict {
    tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    notes = List.copyOf(notes);
  }

  /** Tensors and metadata without notes. */
  public StateDict(Map<String, HostTensor> tensors, Map<String, String> metadata) {
    this(tensors, metadata, List.of());
  }

  /** The same tensors with other metadata. */
  public StateDict withMetadata(Map<String, String> other) {
    return new StateDict(tensors, other, notes);
  }
}
