/**
 * Kernels of our own in vector instructions, through Java's Vector API. They know arrays and
 * buffers, not the engine. The module {@code jdk.incubator.vector} must be there to load them; the
 * CPU backend asks {@code VectorApi} first.
 */
package org.jresnet.backend.cpu.vector;
