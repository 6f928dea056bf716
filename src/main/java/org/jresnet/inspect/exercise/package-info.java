/**
 * Exercises of the course: a learner writes an op, and what it computes within a real ResNet is
 * held against the reference.
 */
package org.jresnet.inspect.exercise;
