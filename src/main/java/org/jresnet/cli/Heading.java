package org.jresnet.cli;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * What options stand under in the help: on a field it holds from there to the next one, on a class
 * for all its options.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.FIELD, ElementType.TYPE})
@interface Heading {
  /** Such as "Training". */
  String value();
}
