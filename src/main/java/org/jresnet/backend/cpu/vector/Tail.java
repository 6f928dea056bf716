package org.jresnet.backend.cpu.vector;

/**
 * What follows a convolution's sums.
 *
 * @param adds whether what is in the output is added first
 * @param function of the result
 */
public record Tail(boolean adds, Curve function) {}
