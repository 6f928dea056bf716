package org.jresnet.backend.gpu;

import static org.jresnet.backend.Phase.BACKWARD;
import static org.jresnet.backend.Phase.FORWARD;

import org.jresnet.backend.GradientWrite;
import org.jresnet.backend.Mode;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.gpu.ChannelTiles.Part;
import org.jresnet.graph.Op;
import org.jresnet.graph.Slot;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;

/**
 * A batch norm by kernels of our own, with residual addition and ReLU: sums and their fold, then
 * what follows from them. They save what cuDNN's engines save (where eight divides the channels, to
 * the bit), so that either may do one direction and the other the other.
 *
 * @param spec of the norm
 * @param rectify whether ReLU is part of it
 * @param vector bytes of a value per channel, aligned
 * @param tiles how the kernels lie over the tensor
 */
record NormKernels(OpSpec spec, boolean rectify, long vector, ChannelTiles tiles) {
  private boolean batch() {
    return spec.mode() == Mode.TRAIN;
  }

  /** Whether somebody wants the gradients of gamma and beta. */
  boolean wanted() {
    return spec.write(Slot.DGAMMA) != GradientWrite.NONE;
  }

  private float eps() {
    return (float) ((Op.BatchNorm) spec.op()).eps();
  }

  /** Where the mask lies in what is saved: behind mean and inverse deviation of the batch. */
  private long mask() {
    return batch() ? 2 * vector : 0;
  }

  /** Bytes saved: by the running statistics the mask alone. */
  long savedBytes() {
    return mask() + (rectify ? tiles.maskBytes() : 0);
  }

  /** Mean, then inverse deviation and variance, one of which is there. */
  private Arguments statistics(GpuBinding op, Arguments arguments) {
    return batch()
        ? arguments
            .add(op.at(Slot.SAVED).address())
            .add(op.at(Slot.SAVED, vector).address())
            .add(0L)
        : arguments
            .add(op.at(Slot.RUNNING_MEAN).address())
            .add(0L)
            .add(op.at(Slot.RUNNING_VAR).address());
  }

  private long savedMask(GpuBinding op, boolean kept) {
    return rectify && kept ? op.at(Slot.SAVED, mask()).address() : 0;
  }

  /** Launches forward; {@code partial} has room for {@link ChannelTiles#partialBytes}. */
  void forward(GpuBinding op, Place partial, boolean training) {
    if (!batch()) {
      apply(op, tiles.all(), training);
      return;
    }
    for (Part part : tiles.parts(tiles.channels(1))) {
      tiles.tiled(
          op,
          FORWARD,
          "normPartials",
          1,
          part,
          new Arguments().add(op.at(Slot.X).address()).add(partial.address()));
      tiles.fold(
          op,
          FORWARD,
          "normFold_" + Gpu.suffix(spec.type()),
          part,
          new Arguments()
              .add(op.at(Slot.X).address())
              .add(partial.address())
              .add(op.at(Slot.SAVED).address())
              .add(op.at(Slot.SAVED, vector).address())
              .add(op.at(Slot.RUNNING_MEAN).address())
              .add(op.at(Slot.RUNNING_VAR).address())
              .add((float) ((Op.BatchNorm) spec.op()).momentum())
              .add(eps()));
      apply(op, part, training);
    }
  }

  /** Launches forward by sums per channel that come with the input. */
  void forwardOfSums(GpuBinding op) {
    finish(op, 0, 0);
    apply(op, tiles.all(), true);
  }

  /**
   * Launches what makes statistics of such sums.
   *
   * @param factor where the norm goes as a factor and an offset per channel in half precision, or 0
   * @param offset the other address
   */
  void finish(GpuBinding op, long factor, long offset) {
    int channels = spec.y().c();
    Place sums = op.at(Slot.X_SUMS);
    op.kernel(
        FORWARD,
        "normFinish",
        channels,
        32L * channels,
        new Arguments()
            .add(sums.address())
            .add(sums.plus(4L * channels).address())
            .add(op.at(Slot.SAVED).address())
            .add(op.at(Slot.SAVED, vector).address())
            .add(op.at(Slot.RUNNING_MEAN).address())
            .add(op.at(Slot.RUNNING_VAR).address())
            .add((float) ((Op.BatchNorm) spec.op()).momentum())
            .add(eps())
            .add(op.at(Slot.GAMMA).address())
            .add(op.at(Slot.BETA).address())
            .add(factor)
            .add(offset)
            .add(channels)
            .add(spec.y().perChannel()));
  }

  private void apply(GpuBinding op, Part part, boolean training) {
    Arguments arguments =
        statistics(op, new Arguments().add(op.at(Slot.X).address()))
            .add(op.at(Slot.GAMMA).address())
            .add(op.at(Slot.BETA).address());
    if (spec.adds()) {
      arguments.add(op.at(Slot.RESIDUAL).address());
    }
    tiles.tiled(
        op,
        FORWARD,
        spec.adds() ? "normAddApply" : "normApply",
        spec.adds() ? 3 : 2,
        part,
        arguments
            .add(op.at(Slot.Y).address())
            .add(savedMask(op, training))
            .add(eps())
            .add(rectify ? 1 : 0));
  }

  /** Launches backward; the places of dgamma and dbeta are scratch where nobody wants them. */
  void backward(GpuBinding op, Place dgamma, Place dbeta, Place partial) {
    for (Part part : batch() ? tiles.parts(tiles.channels(2)) : tiles.parts(spec.y().c())) {
      if (batch() || wanted()) {
        Arguments sums =
            new Arguments()
                .add(op.at(Slot.X).address())
                .add(op.at(Slot.DY).address())
                .add(savedMask(op, true))
                .add(op.at(batch() ? Slot.SAVED : Slot.RUNNING_MEAN).address())
                .add(partial.address());
        tiles.tiled(op, BACKWARD, "normSums", 2, part, sums);
        Arguments fold = new Arguments().add(partial.address());
        fold.add(batch() ? op.at(Slot.SAVED, vector).address() : 0L)
            .add(batch() ? 0L : op.at(Slot.RUNNING_VAR).address())
            .add(eps())
            .add(dgamma.address())
            .add(dbeta.address());
        tiles.fold(op, BACKWARD, "normSumsFold", part, fold);
      }
      gradient(op, part, op.at(Slot.DY), savedMask(op, true), dgamma, dbeta);
    }
  }

  /** Launches the gradient of the input in place of dx, where the engine before has left dz. */
  void backwardOfSums(GpuBinding op, Place dgamma, Place dbeta) {
    gradient(op, tiles.all(), op.at(Slot.DX), 0, dgamma, dbeta);
  }

  private void gradient(GpuBinding op, Part part, Place dy, long mask, Place dgamma, Place dbeta) {
    Arguments arguments =
        new Arguments().add(batch() ? op.at(Slot.X).address() : 0L).add(dy.address()).add(mask);
    statistics(op, arguments)
        .add(op.at(Slot.GAMMA).address())
        .add(dgamma.address())
        .add(dbeta.address())
        .add(spec.adds() ? op.at(Slot.DRESIDUAL).address() : 0L)
        .add(op.at(Slot.DX).address())
        .add(eps());
    int tensors = (batch() ? 3 : 2) + (spec.adds() ? 1 : 0);
    tiles.tiled(op, BACKWARD, "normBackward", tensors, part, arguments);
  }
}
