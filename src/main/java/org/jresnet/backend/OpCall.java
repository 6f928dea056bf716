package org.jresnet.backend;

/**
 * One call of a prepared op, for profiles.
 *
 * @param phase when it runs
 * @param operation what it computes: {@code forward}, {@code backward data}, {@code backward
 *     weights}, {@code reorder}, {@code add}, {@code host}
 * @param implementation the library's name of it
 * @param flops floating-point operations, two per multiply-accumulate; 0 for elementwise work,
 *     which memory limits
 * @param bytes read and written if every operand passes memory once
 * @param body runs it
 */
public record OpCall(
    Phase phase, String operation, String implementation, long flops, long bytes, Runnable body) {}
