/**
 * Compares two computations of the same thing: an op at one size ({@link
 * org.jresnet.check.OpCheck}) or a network node by node ({@link org.jresnet.check.NetworkCheck}).
 */
package org.jresnet.check;
