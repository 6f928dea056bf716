/**
 * The demo's data: procedurally drawn faces in two classes. {@code camera} pictures go through a
 * simulated sensor (colour filter mosaic, photon and read noise, demosaicing), {@code generated}
 * ones through a simulated generator that builds the picture up from a coarse one by transposed
 * convolutions, whose uneven overlap leaves the checkerboard and spectral traces that real
 * generators leave (Odena et al. 2016, <a
 * href="https://distill.pub/2016/deconv-checkerboard">Distill </a>; Durall et al. 2020,
 * arXiv:2003.01826; Frank et al. 2020, arXiv:2003.08685). Both classes show scenes from one
 * distribution and end in the same JPEG encoder. It shows that the whole chain works; it says
 * nothing about real faces.
 */
package org.jresnet.data.drawn;
