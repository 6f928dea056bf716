package org.jresnet.base;

/** How an image's pixels are weighted when it is resized; both antialias, as Pillow's do. */
public enum Interpolation {
  /** A triangle over the two nearest pixels of each direction. */
  BILINEAR,
  /** Keys' cubic (1981) with a = −0.5 over the four nearest. */
  BICUBIC
}
