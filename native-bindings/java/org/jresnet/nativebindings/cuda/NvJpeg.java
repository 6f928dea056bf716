package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nvjpeg;
import org.bytedeco.cuda.nvjpeg.nvjpegDevAllocator_t;
import org.bytedeco.cuda.nvjpeg.nvjpegHandle;
import org.bytedeco.cuda.nvjpeg.nvjpegImage_t;
import org.bytedeco.cuda.nvjpeg.nvjpegJpegState;
import org.bytedeco.cuda.nvjpeg.nvjpegPinnedAllocator_t;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;
import org.jresnet.nativebindings.cuda.CudaException.Kind;

/**
 * NVIDIA's decoder of JPEG files, <a href="https://docs.nvidia.com/cuda/nvjpeg/">nvJPEG</a>, on the
 * GPU that the calling thread uses. Several threads may share it, each with a {@link State} of its
 * own.
 */
public final class NvJpeg implements AutoCloseable {
  private final nvjpegHandle handle = new nvjpegHandle();

  /** Who does what. */
  public enum Way {
    /** The GPU's JPEG engines do it all. */
    ENGINES(nvjpeg.NVJPEG_BACKEND_HARDWARE),
    /** The CPU reads the Huffman codes, kernels compute the pixels. */
    HYBRID(nvjpeg.NVJPEG_BACKEND_HYBRID);

    private final int code;

    Way(int code) {
      this.code = code;
    }
  }

  /**
   * Opens it. Chroma is interpolated where it is sub-sampled, as libjpeg does.
   *
   * @throws CudaException of kind NOT_SUPPORTED where the GPU has no engines
   */
  public NvJpeg(Way way) {
    Check.jpeg(
        nvjpeg.nvjpegCreateEx(
            way.code,
            (nvjpegDevAllocator_t) null,
            (nvjpegPinnedAllocator_t) null,
            nvjpeg.NVJPEG_FLAGS_UPSAMPLING_WITH_INTERPOLATION,
            handle),
        "opening nvJPEG");
  }

  /** Version of the loaded library, such as 13.1.0. */
  public static String version() {
    return part(cudart.MAJOR_VERSION)
        + "."
        + part(cudart.MINOR_VERSION)
        + "."
        + part(cudart.PATCH_LEVEL);
  }

  private static int part(int property) {
    int[] value = new int[1];
    Check.jpeg(nvjpeg.nvjpegGetProperty(property, value), "asking nvJPEG's version");
    return value[0];
  }

  /** What one thread at a time decodes with. */
  public final class State implements AutoCloseable {
    private final nvjpegJpegState state = new nvjpegJpegState();
    private final IntPointer components = new IntPointer(1L);
    private final IntPointer sampling = new IntPointer(1L);
    private final IntPointer widths = new IntPointer((long) nvjpeg.NVJPEG_MAX_COMPONENT);
    private final IntPointer heights = new IntPointer((long) nvjpeg.NVJPEG_MAX_COMPONENT);
    private final PointerPointer<BytePointer> files = new PointerPointer<>(1L);
    private final SizeTPointer lengths = new SizeTPointer(1L);
    private final nvjpegImage_t image = new nvjpegImage_t();

    /** Makes one, for batches of one file: engines are reached through batches alone. */
    public State() {
      Check.jpeg(nvjpeg.nvjpegJpegStateCreate(handle, state), "making a state of nvJPEG");
      try {
        Check.jpeg(
            nvjpeg.nvjpegDecodeBatchedInitialize(handle, state, 1, 1, nvjpeg.NVJPEG_OUTPUT_RGBI),
            "preparing nvJPEG");
      } catch (CudaException e) {
        close();
        throw e;
      }
    }

    /**
     * Decodes a file to interleaved RGB. The stream must have nothing to do: engines write at once,
     * whatever was sent to it before. Afterwards the pixels are there when the stream is done, and
     * so long file and memory must stay. A state that has thrown is to be closed.
     *
     * @param bytes of the file
     * @param to memory for width times height pixels
     * @throws CudaException of kind BAD_INPUT when the file is damaged, of a kind that nvJPEG does
     *     not take, or not of that size
     */
    public void decode(
        PinnedMemory file, int bytes, int width, int height, DeviceMemory to, CudaStream stream) {
      BytePointer data = file.pointer();
      Check.jpeg(
          nvjpeg.nvjpegGetImageInfo(handle, data, bytes, components, sampling, widths, heights),
          "reading the header");
      // Another size than that of the memory would be written elsewhere.
      if (widths.get(0) != width || heights.get(0) != height) {
        throw new CudaException(
            Kind.BAD_INPUT,
            "nvJPEG reads a size of "
                + widths.get(0)
                + "x"
                + heights.get(0)
                + " from it, expected "
                + width
                + "x"
                + height);
      }
      files.put(0, data);
      lengths.put(0, bytes);
      long row = 3L * width;
      image.channel(0, new BytePointer(to.at(0, row * height))).pitch(0, row);
      Check.jpeg(
          nvjpeg.nvjpegDecodeBatched(handle, state, files, lengths, image, stream.handle()),
          "decoding");
    }

    @Override
    public void close() {
      nvjpeg.nvjpegJpegStateDestroy(state);
      for (Pointer p : new Pointer[] {components, sampling, widths, heights, files, lengths}) {
        p.close();
      }
      image.close();
    }
  }

  /** Closes it, after all states. */
  @Override
  public void close() {
    nvjpeg.nvjpegDestroy(handle);
  }
}
