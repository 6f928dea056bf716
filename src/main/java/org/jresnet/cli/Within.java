package org.jresnet.cli;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The numbers that an option takes; every numeric option says it, and {@link Arguments} checks it
 * before the command starts. Infinity and NaN are never taken.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.FIELD)
@interface Within {
  /** Smallest value. */
  double min() default -Double.MAX_VALUE;

  /** Largest value. */
  double max() default Double.MAX_VALUE;

  /** What the value must be greater than. */
  double above() default Double.NEGATIVE_INFINITY;

  /** What the value must be less than. */
  double below() default Double.POSITIVE_INFINITY;

  /** Most classes, images, steps: far above what anybody has. */
  int MANY = 1_000_000;

  /** Most images in a batch. */
  int BATCH = 65_536;

  /** Largest side of an image: its pixels still fit into one array. */
  int SIDE = 16_384;

  /** Most threads. */
  int THREADS = 1_024;
}
