package org.jresnet.weights;

/**
 * What a weight file may ask for, far above what networks need and far below what would hurt. All
 * of it is checked before time or memory is spent; what has no limit here grows with the file's
 * size at most.
 */
final class Limits {
  /** Dimensions of a tensor: torch's own limit. */
  static final int RANK = 64;

  /** Characters of a tensor's name. Module paths have tens; Java's class names end at 65,535. */
  static final int NAME = 1000;

  /** Tensors in a file. A ResNet-152 with Adam's moments has 3,000. */
  static final int TENSORS = 100_000;

  /** Entries of a zip archive: one for each tensor, and torch's few own. */
  static final int ZIP_ENTRIES = TENSORS + 100;

  /** Bytes of a pickle. torch writes about 200 for a tensor. */
  static final int PICKLE = 16 << 20;

  /** Tuples, lists, dicts and calls of a pickle. torch makes about eight for a tensor. */
  static final int CONTAINERS = 2_000_000;

  /** Characters of a module or of a name that a pickle imports. */
  static final int GLOBAL = 1000;

  /** Bytes of an integer. torch.save's magic number, the widest in its files, has ten. */
  static final int INTEGER_BYTES = 16;

  /** Dicts in dicts around a state dict: {@code {'checkpoint': {'model': …}}} are two. */
  static final int WRAPPERS = 4;

  /** Bytes of a safetensors header: the reference implementation's limit. */
  static final long HEADER = 100_000_000;

  /** Objects and lists in each other in a safetensors header, which needs three. */
  static final int NESTING = 32;

  /** Characters of all metadata of a safetensors file: class names, a run's history. */
  static final int METADATA = 16 << 20;

  /** Bytes of an index of safetensors files: a line for each tensor. */
  static final int INDEX = 32 << 20;

  /**
   * Views may repeat their storage. Together they may have this many bytes, and {@link #SHARES}
   * times the file's size.
   */
  static final long VIEW_FLOOR = 1 << 20;

  /** See {@link #VIEW_FLOOR}: tied weights are there twice, rarely more often. */
  static final int SHARES = 4;

  private Limits() {}
}
