/**
 * The GPU backend: convolutions, batch norms and max pools through cuDNN's graph API, matrix
 * products through cuBLASLt, everything else through kernels of our own. All work goes to one
 * stream; only pixels come over a second one.
 *
 * <p>{@code Planner} chooses engines and needs cuDNN but no GPU; {@code Gpu} is what runs. A
 * backend opened for planning alone has no {@code Gpu}.
 */
package org.jresnet.backend.gpu;
