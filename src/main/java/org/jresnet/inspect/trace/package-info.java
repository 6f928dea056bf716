/**
 * One number of a recorded step, taken apart: the formula that made it with the recorded numbers in
 * it, computed again in double precision. Prints nothing.
 */
package org.jresnet.inspect.trace;
