/**
 * Looks inside: recordings of a step with everything that it computed, numerical gradient checks of
 * a user's own nodes. Prints nothing.
 */
package org.jresnet.inspect;
