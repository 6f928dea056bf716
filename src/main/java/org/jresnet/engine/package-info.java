/**
 * Turns a graph into a fixed list of prepared calls: fusion and lowering to op specs, one planned
 * block of memory, forward and backward in order. Compiling may be slow and may fail; running does
 * neither and allocates nothing.
 */
package org.jresnet.engine;
