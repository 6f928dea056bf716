/**
 * The studio: pages in the browser of the user's own machine that show runs while they train, the
 * network, one step of it forward and backward, and why it decides as it does.
 */
package org.jresnet.serve.studio;
