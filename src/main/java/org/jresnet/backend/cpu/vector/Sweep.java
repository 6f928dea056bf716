package org.jresnet.backend.cpu.vector;

/**
 * One side of a convolution or of its adjoint, the gradient of the input: which inputs and taps
 * each output sums. Outputs that use the same taps make a phase: a convolution has one; its adjoint
 * has as many as the stride, because every stride-th output is met by the same taps.
 */
final class Sweep {
  /**
   * Outputs {@code first + i·step}: each sums input {@code i·stride + offset + t} times tap {@code
   * taps[t]} for all t.
   *
   * @param first output
   * @param count of outputs
   * @param stride inputs from one output to the next
   * @param offset input of the first tap of the first output; negative in the padding
   * @param taps in the order of inputs
   * @param place number of taps in the phases before
   */
  record Phase(int first, int count, int stride, int offset, int[] taps, int place) {}

  final int inputs;
  final int outputs;
  final Phase[] phases;

  private Sweep(int inputs, int outputs, Phase[] phases) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.phases = phases;
  }

  /** The convolution of so many inputs, or the adjoint of that convolution. */
  static Sweep of(Window window, int inputs, boolean adjoint) {
    int outputs = window.outputs(inputs);
    if (!adjoint) {
      int[] taps = new int[window.size()];
      java.util.Arrays.setAll(taps, t -> t);
      Phase all = new Phase(0, outputs, window.stride(), -window.padding(), taps, 0);
      return new Sweep(inputs, outputs, new Phase[] {all});
    }
    int stride = window.stride();
    Phase[] phases = new Phase[stride];
    int place = 0;
    for (int q = 0; q < stride; q++) {
      // Tap s takes output i·stride + q to input i + (q + padding − s) / stride, if that is whole.
      int remainder = (q + window.padding()) % stride;
      int count = (window.size() - remainder + stride - 1) / stride;
      int[] taps = new int[Math.max(0, count)];
      int last = remainder + (taps.length - 1) * stride;
      java.util.Arrays.setAll(taps, t -> last - t * stride);
      int offset = (q + window.padding() - last) / stride;
      int reached = (inputs - q + stride - 1) / stride;
      phases[q] = new Phase(q, reached, 1, offset, taps, place);
      place += taps.length;
    }
    return new Sweep(outputs, inputs, phases);
  }

  /** From one output of a phase to the next. */
  int step() {
    return phases.length;
  }

  Phase phase(int output) {
    return phases[output % phases.length];
  }

  /** Input of the first tap of an output. */
  int input(int output) {
    Phase phase = phase(output);
    return output / phases.length * phase.stride + phase.offset;
  }

  /** Most taps of an output. */
  int taps() {
    int most = 1;
    for (Phase phase : phases) {
      most = Math.max(most, phase.taps.length);
    }
    return most;
  }

  /** Outputs, where each phase is computed in whole multiples of a unit. */
  int padded(int unit) {
    int most = 0;
    for (Phase phase : phases) {
      most = Math.max(most, phase.first + (whole(phase.count, unit) - 1) * step() + 1);
    }
    return most;
  }

  /** Zeros before the inputs. */
  int before() {
    int most = 0;
    for (Phase phase : phases) {
      most = Math.max(most, -phase.offset);
    }
    return most;
  }

  /** Zeros behind the inputs, where each phase is computed in whole multiples of a unit. */
  int after(int unit) {
    int most = 0;
    for (Phase phase : phases) {
      int last = (whole(phase.count, unit) - 1) * phase.stride + phase.offset + phase.taps.length;
      most = Math.max(most, last - inputs);
    }
    return most;
  }

  private static int whole(int count, int unit) {
    return (count + unit - 1) / unit * unit;
  }
}
