/**
 * The contract between the engine and the libraries that compute: an {@link
 * org.jresnet.backend.OpSpec} describes one operation completely, {@link
 * org.jresnet.backend.Backend#plan} chooses how to compute it, and binding the plan to {@link
 * org.jresnet.backend.Tensor}s gives a {@link org.jresnet.backend.BoundOp} that runs without
 * choosing or allocating anything.
 *
 * <p>Whatever is slow or can fail happens in {@code plan} and {@code bind}. {@code reference} is
 * the textbook and the oracle of the tests, {@code cpu} computes on CPUs.
 */
package org.jresnet.backend;
