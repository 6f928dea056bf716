/**
 * What every package may use and what knows none of them: errors that you can act on, files that
 * are whole or absent, CSV, half-precision numbers, streams of random numbers, closing, the place
 * of caches.
 */
package org.jresnet.base;
