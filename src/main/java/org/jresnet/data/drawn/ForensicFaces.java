package org.jresnet.data.drawn;

import java.io.IOException;
import java.util.SplittableRandom;
import org.jresnet.base.Interpolation;
import org.jresnet.base.Named;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.UserError;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Resize;
import org.jresnet.data.RgbImage;

/**
 * Drawn faces for lessons in forensics: every scene as a simulated camera took it, and what several
 * simulated generators make of that image. Fakes are reconstructions of the real images, so that a
 * detector finds nothing in them but the generator (Rajan et al. 2025, <a
 * href="https://arxiv.org/abs/2410.11835">arXiv:2410.11835</a>), and real images that were only
 * scaled down and up keep it from learning "not quite sharp" instead. All images of one scene end
 * in one JPEG encoder of one quality.
 *
 * <p>An image depends on size, seed, kind and scene alone.
 */
public final class ForensicFaces {
  /** What happens to a scene. */
  public enum Kind implements Named {
    /** The simulated camera's image. Real. */
    CAMERA,
    /** The camera's image, bicubically down to half its side and up again. Real. */
    BICUBIC,
    /** Rebuilt with pixels that are repeated, then convolved. Fake, as the following. */
    NEAREST,
    /** Rebuilt with bilinear interpolation, then convolution. */
    BILINEAR,
    /** Rebuilt with transposed convolutions. */
    TRANSPOSED,
    /** Rebuilt with pixel shuffles. */
    SHUFFLE;

    /** Whether no generator had a part in it. */
    public boolean isReal() {
      return this == CAMERA || this == BICUBIC;
    }
  }

  private static final int SUPERSAMPLING = 2;
  private static final int MIN_QUALITY = 85;
  private static final int MAX_QUALITY = 95;

  /** Share of the true detail that each level of a generator regains. */
  private static final float[] DETAIL = {0.98f, 0.95f};

  private final int size;
  private final long seed;

  /**
   * A set of scenes.
   *
   * @param size side in pixels, a multiple of 4
   * @param seed of everything
   */
  public ForensicFaces(int size, long seed) {
    if (size < 32 || size > 1024 || size % 4 != 0) {
      throw new UserError(
          "the size of drawn faces is a multiple of 4 between 32 and 1024, found " + size);
    }
    this.size = size;
    this.seed = seed;
  }

  /** A scene before any compression. */
  public RgbImage draw(Kind kind, int scene) {
    Planes camera = camera(scene);
    return switch (kind) {
      case CAMERA -> camera.toImage();
      case BICUBIC -> {
        RgbImage half = Resize.exactly(camera.toImage(), size / 2, size / 2, Interpolation.BICUBIC);
        yield Resize.exactly(half, size, size, Interpolation.BICUBIC);
      }
      default -> rebuilt(camera, kind).toImage();
    };
  }

  private Planes camera(int scene) {
    SplittableRandom random = RandomStreams.of(seed, "forensic scene", scene);
    int side = size * SUPERSAMPLING;
    return Camera.shoot(Planes.of(Scene.drawRich(random, side), side), random);
  }

  /** From a quarter of the side in two levels, as {@link Generator} does it. */
  private Planes rebuilt(Planes real, Kind kind) {
    Upsampling.Kind way = Upsampling.Kind.valueOf(kind.name());
    Planes half = real.half();
    Planes quarter = half.half();
    Planes middle = enlarged(quarter, way, 0);
    addDetail(middle, half, quarter, DETAIL[0]);
    Planes out = enlarged(middle, way, 1);
    addDetail(out, real, half, DETAIL[1]);
    return out;
  }

  private Planes enlarged(Planes in, Upsampling.Kind way, int level) {
    return Upsampling.of(way, RandomStreams.of(seed, "weights of " + way.name(), level)).apply(in);
  }

  /** Adds a share of what the fine image knows beyond the coarse one. */
  private static void addDetail(Planes to, Planes fine, Planes coarse, float share) {
    Planes smooth = Upsampling.interpolated(coarse);
    for (int c = 0; c < 3; c++) {
      for (int i = 0; i < to.rgb()[c].length; i++) {
        to.rgb()[c][i] += share * (fine.rgb()[c][i] - smooth.rgb()[c][i]);
      }
    }
  }

  /**
   * The JPEG file of an image of a scene: quality {@value #MIN_QUALITY} to {@value #MAX_QUALITY},
   * the same for every kind.
   */
  public byte[] encode(RgbImage image, int scene) throws IOException {
    SplittableRandom random = RandomStreams.of(seed, "forensic quality", scene);
    return Augmentation.jpeg(image, MIN_QUALITY + random.nextInt(MAX_QUALITY - MIN_QUALITY + 1));
  }
}
