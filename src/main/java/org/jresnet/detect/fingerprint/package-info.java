/**
 * Removal of the traces that a generator leaves: an autoencoder that has seen real faces alone
 * draws fakes anew (GANprintR, Neves et al. 2020, <a
 * href="https://arxiv.org/abs/1911.05351">arXiv:1911.05351</a>), so that you can attack your own
 * detector, and then harden it.
 */
package org.jresnet.detect.fingerprint;
