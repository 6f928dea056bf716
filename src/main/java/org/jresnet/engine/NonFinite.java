package org.jresnet.engine;

/**
 * Where a step stopped being finite.
 *
 * @param action number of the action, in the order of a step; {@link #AFTER} where the step itself
 *     is finite
 * @param what such as {@code the output of layer1.0.conv1}, or {@code the gradient of fc.weight}
 */
public record NonFinite(int action, String what) {
  /** Behind the last action: gradients that are added up no longer are finite, each of them is. */
  public static final int AFTER = Integer.MAX_VALUE;
}
