/**
 * The network as data: named {@link org.jresnet.graph.Node}s that hold an {@link
 * org.jresnet.graph.Op}, and passes over them. No buffers, no device, no native code; this package
 * knows nothing else of jresnet.
 *
 * <p>Letters used everywhere: {@code n} images in a batch, {@code c} input channels, {@code h w}
 * input height and width, {@code k} output channels, {@code r s} filter height and width, {@code p
 * q} output height and width. Activations are stored NHWC (channels fastest), convolution weights
 * have torch's logical order {@code k c r s}.
 */
package org.jresnet.graph;
