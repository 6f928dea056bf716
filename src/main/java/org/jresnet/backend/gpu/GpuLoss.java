package org.jresnet.backend.gpu;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Tensor;
import org.jresnet.base.Closing;
import org.jresnet.loss.Objective;
import org.jresnet.nativebindings.cuda.CudaEvent;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.jresnet.nativebindings.cuda.PinnedMemory;

/**
 * An objective on the device. The host waits for the loss alone, not for the backward pass behind
 * it.
 */
final class GpuLoss implements LossOp {
  private static final int ROW_THREADS = 128;
  private static final int RESULT_BYTES = 16;

  private final Gpu gpu;
  private final LossSpec spec;
  private final int headBytes;
  private final PinnedMemory given;
  private final PinnedMemory result;
  private final CudaEvent uploaded = new CudaEvent();
  private final CudaEvent done = new CudaEvent();
  private final DeviceMemory head;
  private final DeviceMemory rows;
  private final DeviceMemory sums;
  private final Device.Launch perRow;
  private final Device.Launch overRows;

  GpuLoss(Gpu gpu, LossSpec spec, Tensor logits, Tensor dlogits) {
    this.gpu = gpu;
    this.spec = spec;
    int n = spec.n();
    List<Double> constants = constants(spec);
    // The factor, the objective's constants, then labels or values: one upload per batch.
    headBytes = 8 * (1 + constants.size());
    int perImage = spec.objective().given() == Objective.Given.LABELS ? 1 : spec.outputs();
    int bytes = Math.addExact(headBytes, Math.multiplyExact(4 * perImage, n));
    given = new PinnedMemory(bytes);
    result = new PinnedMemory(RESULT_BYTES);
    head = new DeviceMemory(bytes);
    rows = new DeviceMemory(12L * n);
    sums = new DeviceMemory(RESULT_BYTES);
    for (int i = 0; i < constants.size(); i++) {
      given.view().putDouble(8 * (1 + i), constants.get(i));
    }
    long losses = rows.address(0, 8L * n);
    long hits = rows.address(8L * n, 4L * n);
    perRow =
        gpu.launch(
            spec.objective() instanceof Objective.CrossEntropy ? "crossEntropy" : "valueLoss",
            new Kernel.Grid(n, ROW_THREADS, 0),
            new Arguments()
                .add(DeviceBuffer.place(logits).address())
                .add(head.address(headBytes, (long) bytes - headBytes))
                .add(head.address(0, headBytes))
                .add(DeviceBuffer.place(dlogits).address())
                .add(losses)
                .add(hits)
                .add(n)
                .add(spec.outputs()));
    overRows =
        gpu.launch(
            "lossSums",
            new Kernel.Grid(1, Gpu.THREADS, 0),
            new Arguments().add(losses).add(hits).add(sums.address(0, RESULT_BYTES)).add(n));
  }

  /** What the kernel reads behind the factor. */
  private static List<Double> constants(LossSpec spec) {
    List<Double> constants = new ArrayList<>();
    if (spec.objective() instanceof Objective.CrossEntropy c) {
      constants.add(c.labelSmoothing());
      constants.addAll(
          c.classWeights().isEmpty() ? Collections.nCopies(spec.outputs(), 1.0) : c.classWeights());
    } else {
      constants.add(spec.objective() instanceof Objective.Seed ? 1.0 : 0.0);
    }
    return constants;
  }

  @Override
  public void load(int[] labels, double gradientFactor) {
    spec.require(labels);
    ByteBuffer view = start(gradientFactor);
    for (int i = 0; i < labels.length; i++) {
      view.putInt(headBytes + 4 * i, labels[i]);
    }
    upload();
  }

  @Override
  public void load(float[] values, double gradientFactor) {
    spec.require(values);
    ByteBuffer view = start(gradientFactor);
    for (int i = 0; i < values.length; i++) {
      view.putFloat(headBytes + 4 * i, values[i]);
    }
    upload();
  }

  /** Waits until the last batch's upload has read the memory. */
  private ByteBuffer start(double gradientFactor) {
    uploaded.synchronize();
    return given.view().putDouble(0, gradientFactor);
  }

  private void upload() {
    gpu.stream().upload(head, 0, given.pointer(), head.bytes());
    uploaded.record(gpu.stream());
  }

  @Override
  public void run() {
    perRow.run();
    overRows.run();
    gpu.stream().download(result.pointer(), sums, 0, RESULT_BYTES);
    gpu.mark(done);
  }

  @Override
  public double value() {
    done.synchronize();
    return result.view().getDouble(0);
  }

  @Override
  public int correct() {
    done.synchronize();
    return (int) result.view().getDouble(8);
  }

  @Override
  public void close() {
    gpu.stream().synchronize();
    Closing.closeAll(List.of(given, result, uploaded, done, head, rows, sums, perRow, overRows));
  }
}
