package org.jresnet.backend.gpu;

import java.time.Duration;
import org.jresnet.backend.DeviceRanks;
import org.jresnet.backend.Interconnect;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.nativebindings.NativeCache;
import org.jresnet.nativebindings.cuda.CudaDevice;
import org.jresnet.nativebindings.cuda.CudaException;
import org.jresnet.nativebindings.cuda.CudaLibraries;
import org.jresnet.nativebindings.cuda.Nccl;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** NCCL, which joins GPUs of one machine and of several. */
final class NcclLink implements Interconnect {
  private static final Logger LOG = LoggerFactory.getLogger(NcclLink.class);

  /** 2.19.1: from there on another thread may end sums that a rank does not come to. */
  private static final int OLDEST = 21901;

  private final Gpu gpu;
  private final int version;

  /**
   * Loads the library.
   *
   * @throws UserError when it is not there, does not load, or is too old
   */
  NcclLink(Gpu gpu) {
    this.gpu = gpu;
    CudaLibraries libraries = CudaLibraries.find(gpu.options().libraries(), System.getenv());
    try {
      libraries.loadNccl();
      version = Nccl.version();
    } catch (LinkageError e) {
      throw new UserError(
          Text.format(
              "NCCL does not load: %s. Install it anew, for example with pip install"
                  + " nvidia-nccl-cu13, or let gradients pass through the hosts with --exchange"
                  + " mpi",
              NativeCache.reason(e)),
          e);
    } catch (CudaException e) {
      throw new UserError(Text.format("NCCL cannot be used: %s", e.getMessage()), e);
    }
    if (version < OLDEST) {
      throw new UserError(
          Text.format(
              "%s is too old: expected %s or newer, found at %s. Install another one, for example"
                  + " with pip install nvidia-nccl-cu13, and say where it is with --cuda-libs",
              library(), text(OLDEST), libraries.further(CudaLibraries.NCCL).orElseThrow()));
    }
  }

  /** The version as users write it. */
  static String text(int version) {
    return Text.format("NCCL %s.%s.%s", version / 10000, version / 100 % 100, version % 100);
  }

  @Override
  public String library() {
    return text(version);
  }

  @Override
  public String device() {
    return CudaDevice.busId(gpu.options().device());
  }

  @Override
  public byte[] invitation() {
    try {
      return Nccl.newId();
    } catch (CudaException e) {
      throw new UserError(
          Text.format(
              "NCCL finds no network by which other ranks could reach this one: %s. NCCL_DEBUG=INFO"
                  + " says more, NCCL_SOCKET_IFNAME names the network's interface",
              e.getMessage()),
          e);
    }
  }

  @Override
  public DeviceRanks join(byte[] invitation, int rank, int ranks, Duration patience) {
    int device = gpu.options().device();
    NcclWatch watch = new NcclWatch(device, () -> new Nccl(invitation, rank, ranks), patience);
    Nccl joined = watch.join(ranks);
    LOG.info("GPU {} is that of rank {} of {}, joined by {}", device(), rank, ranks, library());
    return new GpuRanks(gpu, joined, watch);
  }
}
