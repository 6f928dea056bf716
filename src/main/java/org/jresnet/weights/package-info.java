/**
 * Weight files: safetensors and PyTorch's {@code .pth}, read and written, without ever running code
 * from a file. Knows names, shapes and element types of the graph and nothing else of jresnet.
 */
package org.jresnet.weights;
