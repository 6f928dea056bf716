/**
 * The reference backend: every op in plain Java and double precision, one file each, formula and
 * source above, backward directly below forward. Written to be read and to be trusted, not to be
 * fast; it is the oracle of the tests.
 */
package org.jresnet.backend.reference;
