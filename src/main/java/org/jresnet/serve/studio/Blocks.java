package org.jresnet.serve.studio;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jresnet.graph.Node;

/** Which residual block a node belongs to, by its published name. */
final class Blocks {
  /** Names such as {@code layer3.0.conv1} and {@code features.4.1.block.0}. */
  private static final Pattern NAME = Pattern.compile("(.*?\\d+(?:\\.\\d+)?)\\..+");

  private Blocks() {}

  /** The block's name; empty for a node outside of blocks. */
  static String of(Node node) {
    Matcher m = NAME.matcher(node.name());
    return m.matches() && m.group(1).contains(".") ? m.group(1) : "";
  }
}
