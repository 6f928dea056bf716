package org.jresnet.inspect.lab;

/** Told how the lab goes on, on its thread. */
public interface LabListener {
  /** An experiment begins. */
  void begins(Experiment experiment);

  /** A part of it is done; a name of what comes next. */
  void step(String what);

  /** Something that the user should know. */
  void note(String text);

  /** An experiment is done and saved. */
  void found(LabIndex.Entry entry);
}
