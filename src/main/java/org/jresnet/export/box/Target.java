package org.jresnet.export.box;

import org.jresnet.base.Named;

/** A machine that a box is made for. */
public enum Target implements Named {
  /** Intel Celeron N5105, as on the AIxBoard: four Tremont cores, no AVX, an integrated GPU. */
  N5105("n5105", "Intel N5105 (Linux x86-64, SSE4.2, no AVX)", "SSE41"),
  /** Any machine with SSE4.1. */
  LINUX_X86_64("linux-x86_64", "Linux x86-64 with SSE4.1 or more", "");

  private final String id;
  private final String description;
  private final String isa;

  Target(String id, String description, String isa) {
    this.id = id;
    this.description = description;
    this.isa = isa;
  }

  @Override
  public String id() {
    return id;
  }

  /** For people. */
  public String description() {
    return description;
  }

  /**
   * The instruction set that oneDNN takes there, as its variable {@code ONEDNN_MAX_CPU_ISA} names
   * it; empty for whatever the machine has.
   */
  public String isa() {
    return isa;
  }

  /** Whether jresnet computes int8 there: without VNNI or AMX sums of bytes overflow. */
  public boolean int8() {
    return isa.isEmpty();
  }

  /**
   * The target of that name.
   *
   * @throws org.jresnet.base.UserError naming those that there are
   */
  public static Target of(String id) {
    return Named.of(Target.class, "target", id);
  }
}
