/** How good a classifier is: pure functions on plain arrays, and the training curves. */
package org.jresnet.metrics;
