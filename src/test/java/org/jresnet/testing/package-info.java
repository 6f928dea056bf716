/**
 * What tests of several packages share: fixtures that PyTorch computed, and the weights and images
 * that they were computed from.
 */
package org.jresnet.testing;
