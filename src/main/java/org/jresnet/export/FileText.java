package org.jresnet.export;

import org.jresnet.base.Text;

/** Texts of a file from outside, for messages. */
final class FileText {
  private static final int LONGEST = 120;

  private FileText() {}

  /** One line of bearable length. */
  static String show(Object value) {
    String text = String.valueOf(value);
    return Text.visible(text.length() > LONGEST ? text.substring(0, LONGEST) + "…" : text);
  }
}
