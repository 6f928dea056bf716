package org.jresnet.backend.gpu;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Ring;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.Updates;
import org.jresnet.base.Closing;
import org.jresnet.loss.Objective;
import org.jresnet.nativebindings.cuda.CudaEvent;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.jresnet.nativebindings.cuda.PinnedMemory;

/**
 * An objective on the device. Its results come back to two places in turn, so that the host may
 * read a loss while the next one is computed.
 */
final class GpuLoss implements LossOp {
  private static final int ROW_THREADS = 128;
  private static final int RESULT_BYTES = 16;

  private final Gpu gpu;
  private final LossSpec spec;
  private final GpuUpload given;
  private final PinnedMemory[] result;
  private final CudaEvent[] done = {new CudaEvent(), new CudaEvent()};
  private final DeviceMemory head;
  private final DeviceMemory rows;
  private final DeviceMemory sums;
  private final Device.Launch perRow;
  private final Device.Launch overRows;
  private long sent;

  /** What it reads and writes; the scale is one F64. */
  record Tensors(Tensor logits, Tensor dlogits, Tensor gradientScale) {}

  GpuLoss(Gpu gpu, LossSpec spec, Tensors tensors) {
    this.gpu = gpu;
    this.spec = spec;
    int n = spec.n();
    List<Double> constants = constants(spec);
    int constantBytes = 8 * constants.size();
    int perImage = spec.objective().given() == Objective.Given.LABELS ? 1 : spec.outputs();
    int bytes = Math.multiplyExact(4 * perImage, n);
    result = new PinnedMemory[] {new PinnedMemory(RESULT_BYTES), new PinnedMemory(RESULT_BYTES)};
    head = new DeviceMemory((long) constantBytes + bytes);
    given = new GpuUpload(gpu, new Place(head, constantBytes), bytes);
    rows = new DeviceMemory(12L * n);
    sums = new DeviceMemory(RESULT_BYTES);
    try (PinnedMemory values = new PinnedMemory(constantBytes)) {
      for (int i = 0; i < constants.size(); i++) {
        values.view().putDouble(8 * i, constants.get(i));
      }
      gpu.stream().upload(head, 0, values.pointer(), constantBytes);
      gpu.stream().synchronize();
    }
    long losses = rows.address(0, 8L * n);
    long hits = rows.address(8L * n, 4L * n);
    perRow =
        gpu.launch(
            spec.objective() instanceof Objective.CrossEntropy ? "crossEntropy" : "valueLoss",
            new Kernel.Grid(n, ROW_THREADS, 0),
            new Arguments()
                .add(DeviceBuffer.place(tensors.logits).address())
                .add(head.address(constantBytes, bytes))
                .add(head.address(0, constantBytes))
                .add(DeviceBuffer.place(tensors.dlogits).address())
                .add(DeviceBuffer.place(tensors.gradientScale).address())
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

  /** What the kernel reads first. */
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
  public void load(int[] labels) {
    spec.require(labels);
    ByteBuffer view = given.next();
    for (int i = 0; i < labels.length; i++) {
      view.putInt(4 * i, labels[i]);
    }
    given.send();
  }

  @Override
  public void load(float[] values) {
    spec.require(values);
    ByteBuffer view = given.next();
    for (int i = 0; i < values.length; i++) {
      view.putFloat(4 * i, values[i]);
    }
    given.send();
  }

  @Override
  public void run() {
    perRow.run();
    overRows.run();
  }

  @Override
  public long send() {
    int slot = (int) (sent % Updates.DEPTH);
    gpu.stream().download(result[slot].pointer(), sums, 0, RESULT_BYTES);
    done[slot].record(gpu.stream());
    return sent++;
  }

  @Override
  public double value(long run) {
    return result(run).getDouble(0);
  }

  @Override
  public int correct(long run) {
    return (int) result(run).getDouble(8);
  }

  private ByteBuffer result(long run) {
    int slot = Ring.slot(run, sent);
    done[slot].synchronize();
    return result[slot].view();
  }

  @Override
  public void close() {
    gpu.stream().synchronize();
    List<AutoCloseable> owned = new ArrayList<>(List.of(given, head, rows, sums, perRow, overRows));
    for (AutoCloseable[] pair : List.of(result, done)) {
      owned.addAll(List.of(pair));
    }
    Closing.closeAll(owned);
  }
}
