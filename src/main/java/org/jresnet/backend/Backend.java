package org.jresnet.backend;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.jresnet.base.JpegDevice;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.graph.Shape;

/**
 * A library that computes. A backend is used from one thread. It never changes device or precision
 * on its own: what it cannot do it refuses with a reason.
 */
public interface Backend extends AutoCloseable {
  /** The name that users write: {@code cpu}. */
  String name();

  /** Library version, instruction set and threads, in one line. */
  String description();

  /** Whether this machine can compute in that precision. */
  Support supports(Precision precision);

  /** The precision that {@code auto} means here. */
  Precision autoPrecision();

  /**
   * Which implementation computes what, of all that was planned so far and where there was a
   * choice.
   */
  default Map<String, String> choices() {
    return Map.of();
  }

  /**
   * Makes {@link #choices} of an earlier process stand in this one, so that it computes the same
   * bits. To be called before {@link #plan(OpSpec)}. A choice that this machine does not have is
   * left out, and what had no choice then has none now.
   */
  default void choose(Map<String, String> choices) {}

  /**
   * What could compute an op, part by part, and what computes it if it was planned; nothing where
   * there is no choice.
   */
  default List<Contest> contests(OpSpec spec) {
    return List.of();
  }

  /** The plan of one candidate of {@link #contests} wherever it can compute, without a race. */
  default OpPlan plan(OpSpec spec, String candidate) {
    return plan(spec);
  }

  /**
   * Whether training computes that as one, which no backend must: a convolution that sums what it
   * writes ({@link TensorSpec#summed}), a batch norm, an activation and the convolution behind them
   * ({@link OpSpec#convolves}), or a batch norm with an activation other than a ReLU.
   *
   * @param spec without gradients
   */
  default Support fuses(OpSpec spec) {
    return Support.no("the " + name() + " backend computes each by itself");
  }

  /**
   * What several ops compute in a phase, as one op; a device may take calls of theirs together. The
   * ops stay their owner's.
   */
  default BoundOp together(List<BoundOp> ops, Phase phase) {
    return BoundOp.of(
        ops.stream()
            .flatMap(op -> op.calls().stream())
            .filter(call -> call.phase() == phase)
            .toList(),
        List.of());
  }

  /** Whether {@link #plan(OpSpec)} would succeed. */
  Support supports(OpSpec spec);

  /**
   * Says what will be planned soon, so that what takes long can be made by several threads at the
   * same time. Changes no choice, and refuses nothing: that comes when an op is planned.
   */
  default void planAhead(List<OpSpec> specs) {}

  /**
   * Chooses how to compute an op.
   *
   * @throws UnsupportedOperationException with the reason of {@link #supports(OpSpec)}
   */
  OpPlan plan(OpSpec spec);

  /**
   * Memory on the device, not initialised.
   *
   * @param purpose named in the error
   * @throws org.jresnet.base.UserError when there is not enough, saying how much was asked for what
   */
  Buffer allocate(String purpose, long bytes);

  /** Bytes that {@link #allocate} could still give, about; empty where nobody knows. */
  default OptionalLong freeBytes() {
    return OptionalLong.empty();
  }

  /** Input normalisation into {@code y}, which has the given shape. */
  InputOp input(Shape shape, Normalization normalization, Tensor y);

  /**
   * Loss of {@code logits} ({@code [n, outputs]}); the gradient goes to {@code dlogits} of the same
   * type.
   *
   * @param gradientScale one F64 that multiplies the gradient but not the loss, read in each run:
   *     half-precision gradients need it
   */
  LossOp loss(LossSpec spec, Tensor logits, Tensor dlogits, Tensor gradientScale);

  /**
   * An optimizer over flat arenas; {@code states} has {@link UpdateRule#states()} arenas, zero
   * before the first step.
   */
  Optimizer optimizer(UpdateRule rule, Tensor parameters, Tensor gradients, List<Tensor> states);

  /** Numbers that go from the host into a tensor again and again. */
  interface Upload extends AutoCloseable {
    /** Takes the tensor's bytes over; what is asked for later sees them. */
    void send(ByteBuffer values);

    @Override
    void close();
  }

  /** Prepares to write a tensor in every step, without waiting for the device. */
  default Upload upload(Tensor target) {
    return new Upload() {
      @Override
      public void send(ByteBuffer values) {
        target.buffer().write(target.offset(), values);
      }

      @Override
      public void close() {}
    };
  }

  /** Whether work may still be under way when the call that asked for it has returned. */
  default boolean asynchronous() {
    return false;
  }

  /**
   * Makes every batch norm that is planned from now on, and trains, normalise by mean and variance
   * of all processes' images, and its gradients add up over them. PyTorch calls that <a
   * href="https://pytorch.org/docs/stable/generated/torch.nn.SyncBatchNorm.html">SyncBatchNorm</a>.
   *
   * @throws UnsupportedOperationException where the backend cannot
   */
  default void synchronizeNorms(RankSums sums) {
    throw new UnsupportedOperationException(
        "the "
            + name()
            + " backend cannot add up batch statistics over ranks; the cpu backend can");
  }

  /**
   * What can join this backend's device with those of other ranks; empty where values get to other
   * ranks through the host.
   *
   * @throws org.jresnet.base.UserError when the device could, but what it needs for that is not
   *     there
   */
  default Optional<Interconnect> interconnect() {
    return Optional.empty();
  }

  /**
   * What decodes JPEG files on the backend's device, open until the backend is closed.
   *
   * @param kind as users write it: {@code nvjpeg}
   * @throws UserError when the backend has no such decoder, or what it needs is not there
   */
  default JpegDevice jpegDevice(String kind) {
    throw new UserError(
        Text.format(
            "--jpeg-decoder %s decodes on an NVIDIA GPU, the backend is %s: say --backend gpu, or"
                + " leave --jpeg-decoder out",
            kind, name()));
  }

  /** Waits until all work that was asked for is done; a host's work always is. */
  default void synchronize() {}

  /** Work that is run again and again, unchanged. */
  interface Sequence extends AutoCloseable {
    /** Runs it. */
    void run();

    @Override
    void close();
  }

  /**
   * Prepares work to be run many times. A device may record it the first time and replay it later,
   * so it must do nothing but call this backend's ops.
   */
  default Sequence sequence(Runnable work) {
    return new Sequence() {
      @Override
      public void run() {
        work.run();
      }

      @Override
      public void close() {}
    };
  }

  @Override
  void close();
}
