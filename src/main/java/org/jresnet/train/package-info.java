/**
 * Drives the engine: training with validation, checkpoints and exact resume; evaluation;
 * prediction. Prints nothing.
 */
package org.jresnet.train;
