/**
 * The reference backend: every op in plain Java and double precision, one file each, formula and
 * source above, backward directly below forward. Written to be read and to be trusted, not to be
 * fast; it is the oracle of the tests.
 *
 * <p>Letters, here and in {@code docs/derivations}: {@code n} image, {@code c} input channel,
 * {@code h w} input row and column, {@code k} output channel, {@code r s} row and column in the
 * filter, {@code p q} output row and column. Activations lie in memory as {@code nhwc}, filters as
 * {@code kcrs}. A gradient is called {@code d} plus the tensor that it belongs to.
 */
package org.jresnet.backend.reference;
