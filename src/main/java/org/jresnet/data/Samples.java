package org.jresnet.data;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.DirectColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.nio.file.Path;

/** From the samples that ImageIO's readers deliver to RGB bytes, as Pillow converts them. */
final class Samples {
  /** What becomes of samples of 16 bits. */
  enum Sixteen {
    HIGH_BYTE,
    /** Grey without alpha: Pillow's mode I;16, whose conversion to RGB cuts off at 255. */
    SATURATED
  }

  /** What alpha means. */
  enum Alpha {
    /** Nothing for the colours. */
    DROPPED,
    /** The colours are multiplied by it. */
    PREMULTIPLIED
  }

  private Samples() {}

  /** Samples as they are stored: {@code getRGB} would convert grey through a gamma curve. */
  static RgbImage rgb(Path name, BufferedImage image, Sixteen sixteen, Alpha alpha)
      throws BadImageException {
    int width = image.getWidth();
    int height = image.getHeight();
    byte[] out = new byte[Math.multiplyExact(Math.multiplyExact(width, height), 3)];
    Raster raster = image.getRaster();
    ColorModel model = image.getColorModel();
    int bands = raster.getNumBands();
    int green = bands >= 3 ? 1 : 0;
    int blue = bands >= 3 ? 2 : 0;
    byte[][] tables =
        model instanceof IndexColorModel palette
            ? palettes(palette)
            : new byte[][] {
              table(name, model, 0, sixteen),
              table(name, model, green, sixteen),
              table(name, model, blue, sixteen)
            };
    boolean cmyk = model.getColorSpace().getType() == ColorSpace.TYPE_CMYK;
    byte[] opacity =
        alpha == Alpha.PREMULTIPLIED && bands == 4
            ? table(name, model, 3, Sixteen.HIGH_BYTE)
            : null;
    int[] row = new int[width * bands];
    for (int y = 0; y < height; y++) {
      raster.getPixels(0, y, width, 1, row);
      int at = y * width * 3;
      for (int x = 0; x < row.length; x += bands, at += 3) {
        out[at] = tables[0][row[x]];
        out[at + 1] = tables[1][row[x + green]];
        out[at + 2] = tables[2][row[x + blue]];
        if (cmyk) {
          JpegPixels.inked(out, at, 255 - row[x + 3]);
        } else if (opacity != null) {
          straight(out, at, opacity[row[x + 3]] & 255);
        }
      }
    }
    return new RgbImage(width, height, out);
  }

  /** Takes the premultiplication with alpha back, as Pillow's unpacker of RGBa does. */
  private static void straight(byte[] rgb, int at, int alpha) {
    for (int i = at; i < at + 3 && alpha < 255; i++) {
      rgb[i] = (byte) (alpha == 0 ? 0 : Math.min(255, (rgb[i] & 255) * 255 / alpha));
    }
  }

  private static byte[][] palettes(IndexColorModel palette) {
    byte[][] tables = new byte[3][palette.getMapSize()];
    palette.getReds(tables[0]);
    palette.getGreens(tables[1]);
    palette.getBlues(tables[2]);
    return tables;
  }

  /** The byte for each stored value of a band. */
  private static byte[] table(Path name, ColorModel model, int band, Sixteen sixteen)
      throws BadImageException {
    int bits = model.getComponentSize(band);
    if (bits > 16 || bits > 8 && bits < 16 || bits < 8 && !(model instanceof DirectColorModel)) {
      throw new BadImageException(name, "has " + bits + " bits per sample, expected 8 or 16");
    }
    byte[] table = new byte[1 << bits];
    int max = table.length - 1;
    for (int v = 0; v <= max; v++) {
      // Colours of 5 and 6 bits (BMP) are stretched, rounding down as Pillow does.
      int value = sixteen == Sixteen.SATURATED ? Math.min(v, 255) : v >> 8;
      table[v] = (byte) (bits == 16 ? value : v * 255 / max);
    }
    return table;
  }
}
