/**
 * Computes on CPUs with oneDNN: activations NHWC, weights packed as each implementation likes them,
 * scratch and packed weights in the engine's planned workspace. What oneDNN does not have (input,
 * loss, optimizer, running statistics) is plain Java over the same memory.
 */
package org.jresnet.backend.cpu;
