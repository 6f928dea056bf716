/**
 * The demo's data: procedurally drawn faces in two classes. {@code camera} images go through a
 * simulated camera (lens, colour filter mosaic, photon and read noise, demosaicing, sharpening),
 * {@code generated} ones through a simulated generator that builds the image up from a coarse one
 * by transposed convolutions. Their uneven overlap leaves a checkerboard (Odena et al. 2016, <a
 * href="https://distill.pub/2016/deconv-checkerboard">Distill</a>), and with it peaks at the high
 * end of the spectrum (Durall et al. 2020, <a
 * href="https://arxiv.org/abs/2003.01826">arXiv:2003.01826</a>; Frank et al. 2020, <a
 * href="https://arxiv.org/abs/2003.08685">arXiv:2003.08685</a>). Both classes show scenes from one
 * distribution and end in the same JPEG encoder. It shows that the whole chain works; it says
 * nothing about real faces: the traces are stronger than those of today's generators, so that a
 * network learns them from scratch in minutes.
 *
 * <p>{@link org.jresnet.data.drawn.ForensicFaces} draws richer scenes for lessons in forensics:
 * several generators that rebuild the camera's own images, and real images that were only scaled.
 */
package org.jresnet.data.drawn;
