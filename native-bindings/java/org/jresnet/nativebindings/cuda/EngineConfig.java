package org.jresnet.nativebindings.cuda;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.bytedeco.cuda.global.cudnn;

/** One way to compute an {@link OpGraph}, which owns it. */
public final class EngineConfig {
  private static final int MOST_NOTES = 32;

  /** What a result or a plan is like. */
  public enum Note {
    /** Uses tensor cores; with single-precision tensors that means TF32. */
    TENSOR_CORE,
    /** Rounds its inputs to a narrower type. */
    DOWN_CONVERTS,
    /** Sums in a narrower type. */
    REDUCED_PRECISION_SUMS,
    /** Computes by Fourier transform, with other rounding. */
    FFT,
    /** Computes by Winograd's method, with other rounding. */
    WINOGRAD,
    /** Two runs may differ in the last bits. */
    NONDETERMINISTIC,
    /** Its kernel is generated and compiled when the plan is made. */
    COMPILED_AT_RUNTIME
  }

  private final Descriptor descriptor;
  private final Set<Note> notes = EnumSet.noneOf(Note.class);
  private final long engine;

  EngineConfig(Descriptor descriptor) {
    this.descriptor = descriptor;
    List<Descriptor> engines =
        descriptor.descriptors(
            cudnn.CUDNN_ATTR_ENGINECFG_ENGINE, cudnn.CUDNN_BACKEND_ENGINE_DESCRIPTOR, "engine");
    try {
      Descriptor made = engines.get(0);
      engine = made.int64(cudnn.CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
      for (int note :
          made.enumerations(
              cudnn.CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
              cudnn.CUDNN_TYPE_NUMERICAL_NOTE,
              MOST_NOTES)) {
        Note known = numerical(note);
        if (known != null) {
          notes.add(known);
        }
      }
      if (made.enumerations(
              cudnn.CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, cudnn.CUDNN_TYPE_BEHAVIOR_NOTE, MOST_NOTES)
          .contains(cudnn.CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION)) {
        notes.add(Note.COMPILED_AT_RUNTIME);
      }
    } finally {
      engines.forEach(Descriptor::close);
    }
  }

  private static Note numerical(int code) {
    return switch (code) {
      case cudnn.CUDNN_NUMERICAL_NOTE_TENSOR_CORE -> Note.TENSOR_CORE;
      case cudnn.CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS -> Note.DOWN_CONVERTS;
      case cudnn.CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION -> Note.REDUCED_PRECISION_SUMS;
      case cudnn.CUDNN_NUMERICAL_NOTE_FFT -> Note.FFT;
      case cudnn.CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC -> Note.NONDETERMINISTIC;
      case cudnn.CUDNN_NUMERICAL_NOTE_WINOGRAD,
          cudnn.CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4,
          cudnn.CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6,
          cudnn.CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13 ->
          Note.WINOGRAD;
      default -> null; // how it treats NaN, which does not matter here
    };
  }

  /** cuDNN's number of the engine within this graph's kind. */
  public long engine() {
    return engine;
  }

  /** What it is like. */
  public Set<Note> notes() {
    return notes;
  }

  /**
   * Makes it executable, for the target that it was found for.
   *
   * @throws CudaException of kind NOT_SUPPORTED where cuDNN finds out only now that it cannot
   */
  public CudnnPlan plan(Target target) {
    return new CudnnPlan(this, target);
  }

  Descriptor descriptor() {
    return descriptor;
  }
}
