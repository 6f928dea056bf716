/**
 * How good a classifier is: pure functions on plain arrays, and the chart of the training curves.
 * Wrong arrays (lengths that differ, labels outside the classes, NaN) are programming errors and
 * throw {@link java.lang.IllegalArgumentException}; what is undefined for lack of examples is an
 * empty {@link java.util.Optional} or NaN, as each method says.
 */
package org.jresnet.metrics;
