package org.jresnet.backend.gpu;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jresnet.base.Closing;
import org.jresnet.base.JpegDevice;
import org.jresnet.base.Named;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.nativebindings.NativeCache;
import org.jresnet.nativebindings.cuda.CudaDevice;
import org.jresnet.nativebindings.cuda.CudaException;
import org.jresnet.nativebindings.cuda.CudaLibraries;
import org.jresnet.nativebindings.cuda.CudaStream;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.NvJpeg;
import org.jresnet.nativebindings.cuda.PinnedMemory;

/**
 * Decodes JPEG files by nvJPEG. A thread that decodes has a {@link Lane} for so long, with a stream
 * and memory of its own; there are as many as threads have decoded at the same time, and their
 * memory has grown to the largest images.
 */
final class NvJpegDevice implements JpegDevice, AutoCloseable {
  /** What {@code --jpeg-decoder} calls the ways. */
  private enum Way implements Named {
    NVJPEG(NvJpeg.Way.ENGINES),
    NVJPEG_HYBRID(NvJpeg.Way.HYBRID);

    private final NvJpeg.Way way;

    Way(NvJpeg.Way way) {
      this.way = way;
    }

    @Override
    public String id() {
      return Named.super.id().replace('_', '-');
    }
  }

  private final int gpu;
  private final NvJpeg library;
  private final String name;
  private final Deque<Lane> free = new ArrayDeque<>();
  private int lent;
  private boolean closed;

  /**
   * Loads and opens the library.
   *
   * @param kind {@code nvjpeg} or {@code nvjpeg-hybrid}
   * @throws UserError when the library is not there or does not load, or the GPU has no engines
   */
  NvJpegDevice(CudnnOptions options, String kind) {
    gpu = options.device();
    Way way = Named.of(Way.class, "JPEG decoder of the gpu backend", kind);
    CudaLibraries libraries = CudaLibraries.find(options.libraries(), System.getenv());
    try {
      libraries.loadNvJpeg();
      name = way.id() + " " + NvJpeg.version();
      CudaDevice.use(gpu);
      library = new NvJpeg(way.way);
    } catch (LinkageError e) {
      throw new UserError(
          Text.format(
              "nvJPEG does not load: %s. Install that of CUDA 13 anew, for example with pip install"
                  + " 'nvidia-nvjpeg>=13,<14', or leave --jpeg-decoder out",
              NativeCache.reason(e)),
          e);
    } catch (CudaException e) {
      throw new UserError(
          Text.format(
              "%s cannot be used: %s. %s",
              way.id(),
              e.getMessage(),
              way == Way.NVJPEG && e.kind() == CudaException.Kind.NOT_SUPPORTED
                  ? "GPU "
                      + gpu
                      + " has no JPEG engines, or none that this process may use;"
                      + " --jpeg-decoder nvjpeg-hybrid does without"
                  : "Without --jpeg-decoder the CPU decodes"),
          e);
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public byte[] rgb(byte[] file, int width, int height) throws IOException {
    try {
      CudaDevice.use(gpu);
      Lane lane = take();
      boolean whole = false;
      try {
        byte[] rgb = lane.decode(file, width, height);
        whole = true;
        return rgb;
      } finally {
        give(lane, whole);
      }
    } catch (CudaException e) {
      if (e.kind() == CudaException.Kind.BAD_INPUT) {
        throw new IOException(name + " refuses it: " + e.getMessage(), e);
      }
      throw new UserError(
          Text.format(
              "%s failed at an image of %sx%s pixels: %s%s",
              name,
              width,
              height,
              e.getMessage(),
              e.kind() == CudaException.Kind.OUT_OF_MEMORY
                  ? "; use fewer threads that decode, a smaller batch, or no --jpeg-decoder"
                  : ""),
          e);
    } catch (IllegalStateException e) {
      // Whoever decodes takes other exceptions for damage in the file.
      throw new UserError(Text.format("%s failed: %s", name, e.getMessage()), e);
    }
  }

  private synchronized Lane take() {
    if (closed) {
      throw new IllegalStateException(name + " is used after close");
    }
    Lane lane = free.isEmpty() ? new Lane() : free.pop();
    lent++;
    return lane;
  }

  /** Takes a lane back; one in which something failed is not used again. */
  private synchronized void give(Lane lane, boolean whole) {
    lent--;
    notifyAll();
    if (whole) {
      free.push(lane);
    } else {
      lane.close();
    }
  }

  /** What a thread decodes with. */
  private final class Lane implements AutoCloseable {
    private static final int FIRST = 1 << 20;

    private final CudaStream stream;
    private final NvJpeg.State state;
    private PinnedMemory file;
    private PinnedMemory pixels;
    private DeviceMemory image;

    Lane() {
      List<AutoCloseable> made = new ArrayList<>();
      try {
        made.add(stream = new CudaStream());
        made.add(state = library.new State());
        made.add(file = new PinnedMemory(FIRST));
        made.add(pixels = new PinnedMemory(FIRST));
        made.add(image = new DeviceMemory(FIRST));
      } catch (RuntimeException e) {
        Closing.closeAll(made);
        throw e;
      }
    }

    byte[] decode(byte[] jpeg, int width, int height) {
      byte[] rgb = new byte[Math.multiplyExact(3 * width, height)];
      if (file.view().capacity() < jpeg.length) {
        file.close();
        file = new PinnedMemory(jpeg.length);
      }
      if (image.bytes() < rgb.length) {
        pixels.close();
        pixels = new PinnedMemory(rgb.length);
        image.close();
        image = new DeviceMemory(rgb.length);
      }
      file.view().put(0, jpeg);
      state.decode(file, jpeg.length, width, height, image, stream);
      stream.download(pixels.pointer(), image, 0, rgb.length);
      // Also for the next image: it must find the stream without work.
      stream.synchronize();
      pixels.view().get(0, rgb);
      return rgb;
    }

    @Override
    public void close() {
      Closing.closeAll(List.of(stream, state, file, pixels, image));
    }
  }

  /** Waits for threads that decode, and frees all. */
  @Override
  public void close() {
    boolean interrupted = false;
    synchronized (this) {
      closed = true;
      while (lent > 0) {
        try {
          wait();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      List<AutoCloseable> owned = new ArrayList<>(List.of(library));
      owned.addAll(free);
      free.clear();
      Closing.closeAll(owned);
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
