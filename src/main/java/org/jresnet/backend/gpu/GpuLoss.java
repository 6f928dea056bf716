package org.jresnet.backend.gpu;

import java.nio.ByteBuffer;
import java.util.List;
import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.reference.CrossEntropy;
import org.jresnet.base.Closing;
import org.jresnet.nativebindings.cuda.CudaEvent;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.jresnet.nativebindings.cuda.PinnedMemory;

/**
 * Cross-entropy on the device. The host waits for the loss alone, not for the backward pass behind
 * it.
 */
final class GpuLoss implements LossOp {
  private static final int ROW_THREADS = 128;
  private static final int RESULT_BYTES = 16;

  private final Gpu gpu;
  private final CrossEntropy labelsOf;
  private final int classes;
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
    labelsOf = new CrossEntropy(spec);
    classes = spec.classes();
    int n = spec.n();
    // The factor, the smoothing, a weight per class, then the labels: one upload per batch.
    int bytes = 8 * (2 + classes) + 4 * n;
    given = new PinnedMemory(bytes);
    result = new PinnedMemory(RESULT_BYTES);
    head = new DeviceMemory(bytes);
    rows = new DeviceMemory(12L * n);
    sums = new DeviceMemory(RESULT_BYTES);
    ByteBuffer view = given.view();
    view.putDouble(8, spec.labelSmoothing());
    for (int k = 0; k < classes; k++) {
      double weight = spec.classWeights().isEmpty() ? 1 : spec.classWeights().get(k);
      view.putDouble(8 * (2 + k), weight);
    }
    long losses = rows.address(0, 8L * n);
    long hits = rows.address(8L * n, 4L * n);
    perRow =
        gpu.launch(
            "crossEntropy",
            new Kernel.Grid(n, ROW_THREADS, 0),
            new Arguments()
                .add(DeviceBuffer.place(logits).address())
                .add(head.address(8L * (2 + classes), 4L * n))
                .add(head.address(0, 8L * (2 + classes)))
                .add(DeviceBuffer.place(dlogits).address())
                .add(losses)
                .add(hits)
                .add(n)
                .add(classes));
    overRows =
        gpu.launch(
            "lossSums",
            new Kernel.Grid(1, Gpu.THREADS, 0),
            new Arguments().add(losses).add(hits).add(sums.address(0, RESULT_BYTES)).add(n));
  }

  @Override
  public void load(int[] labels, double gradientFactor) {
    labelsOf.checkLabels(labels);
    uploaded.synchronize();
    ByteBuffer view = given.view();
    view.putDouble(0, gradientFactor);
    for (int i = 0; i < labels.length; i++) {
      view.putInt(8 * (2 + classes) + 4 * i, labels[i]);
    }
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
