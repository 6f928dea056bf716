/**
 * jresnet: residual networks in Java on oneDNN.
 *
 * <p>Packages in the order in which data passes through them: {@code graph} and {@code models}
 * describe the network, {@code data} and {@code weights} bring pixels and parameters in, {@code
 * backend} computes single operations, {@code engine} turns a graph into a fixed list of prepared
 * calls, {@code train} drives it, {@code metrics} measures the result and {@code cli} is the
 * command line.
 */
package org.jresnet;
