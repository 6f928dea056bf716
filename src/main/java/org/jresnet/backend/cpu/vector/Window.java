package org.jresnet.backend.cpu.vector;

/**
 * A convolution's window along one side.
 *
 * @param size number of taps
 * @param stride from one output to the next
 * @param padding zeros on each side
 * @param dilation from one tap to the next
 */
public record Window(int size, int stride, int padding, int dilation) {
  int outputs(int inputs) {
    return (inputs + 2 * padding - dilation * (size - 1) - 1) / stride + 1;
  }
}
