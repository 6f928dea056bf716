package org.jresnet.base;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** What {@link Json} asks of a record component beyond its type. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface JsonField {
  /** Smallest number. */
  double min() default Double.NEGATIVE_INFINITY;

  /** Largest number. */
  double max() default Double.POSITIVE_INFINITY;

  /**
   * The value, as JSON, where the field is absent: for fields that older versions did not write.
   * Empty: the field must be there.
   */
  String whenAbsent() default "";
}
