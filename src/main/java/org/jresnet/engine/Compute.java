package org.jresnet.engine;

import java.util.Optional;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.base.UserError;
import org.jresnet.graph.Graph;

/**
 * Where and in which precision to compute: an open backend and a precision that it can do here.
 * Several models may share one.
 */
public final class Compute implements AutoCloseable {
  private final BackendKind kind;
  private final Backend backend;
  private final Precision precision;

  private Compute(BackendKind kind, Backend backend, Precision precision) {
    this.kind = kind;
    this.backend = backend;
    this.precision = precision;
  }

  /** The GPU if one is usable, else the CPU; in bf16 where the hardware has it, else in fp32. */
  public static Compute open() {
    return open(BackendKind.AUTO, Optional.empty(), BackendSettings.defaults());
  }

  /**
   * That backend and that precision.
   *
   * @throws UserError saying what is missing here
   */
  public static Compute open(BackendKind kind, Precision precision) {
    return open(kind, Optional.of(precision), BackendSettings.defaults());
  }

  /**
   * The same with a precision that the backend may choose, and settings of the hardware.
   *
   * @throws UserError saying what is missing here
   */
  public static Compute open(
      BackendKind kind, Optional<Precision> precision, BackendSettings settings) {
    // What calibrated a model and counted what int8 changes was the CPU: a GPU is asked for by
    // name.
    boolean integers = precision.equals(Optional.of(Precision.INT8));
    BackendKind wanted = kind == BackendKind.AUTO && integers ? BackendKind.CPU : kind;
    Backend backend = Backends.open(wanted, settings);
    try {
      Precision chosen = precision.orElseGet(backend::autoPrecision);
      require(backend, chosen);
      return new Compute(BackendKind.of(backend.name()), backend, chosen);
    } catch (RuntimeException e) {
      backend.close();
      throw e;
    }
  }

  /**
   * Checks a precision.
   *
   * @throws UserError saying what the backend or the machine lacks
   */
  public static void require(Backend backend, Precision precision) {
    if (backend.supports(precision) instanceof Support.No no) {
      throw new UserError(
          precision.id()
              + " is not possible on the "
              + backend.name()
              + " backend: "
              + no.reason());
    }
  }

  /** What computes, never AUTO. */
  public BackendKind kind() {
    return kind;
  }

  /** The open backend. */
  public Backend backend() {
    return backend;
  }

  /** Element types. */
  public Precision precision() {
    return precision;
  }

  /** A network with memory for its parameters, all of them zero. Close it before this. */
  public Model model(Graph graph) {
    return new Model(graph, backend, precision);
  }

  @Override
  public void close() {
    backend.close();
  }
}
