package org.jresnet.backend.gpu;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongToDoubleFunction;
import org.jresnet.backend.LossScale;
import org.jresnet.backend.Optimizer.Range;
import org.jresnet.backend.Ring;
import org.jresnet.backend.UpdateReport;
import org.jresnet.backend.UpdateReport.Outcome;
import org.jresnet.backend.UpdateRule;
import org.jresnet.backend.Updates;
import org.jresnet.base.Closing;
import org.jresnet.nativebindings.cuda.CudaEvent;
import org.jresnet.nativebindings.cuda.DeviceMemory;
import org.jresnet.nativebindings.cuda.Kernel;
import org.jresnet.nativebindings.cuda.Kernel.Arguments;
import org.jresnet.nativebindings.cuda.PinnedMemory;

/**
 * Updates that the device decides by the rule of the host ({@code HostUpdates}), to the bit. The
 * host does not know how many updates were made when it sends one, because the last one may have
 * been left out: it computes the constants for both cases, and the device takes those that hold.
 */
final class GpuUpdates implements Updates {
  /** Batches, largest norm, updates made before the first case; then the constants of each case. */
  private static final int HEAD = 3;

  private static final Outcome[] OUTCOMES = Outcome.values();
  private static final int CASES = DEPTH;
  private static final int REQUEST_BYTES = 8 * (HEAD + CASES * GpuOptimizer.CONSTANTS);

  /** Good steps since the scale changed, updates made, whether a gradient was not finite. */
  private static final int STATE = 3;

  /** Norm, outcome, updates made, scale, good steps, element that is not finite. */
  private static final int REPORT_BYTES = 8 * 6;

  /** What updates begin with. */
  record Start(double clip, LossScale scale, long steps) {}

  private final Gpu gpu;
  private final GpuOptimizer optimizer;
  private final UpdateRule rule;
  private final double clip;
  private final LossScale scale;
  private final double[] constants = new double[GpuOptimizer.CONSTANTS];
  private final DeviceMemory request = new DeviceMemory(REQUEST_BYTES);
  private final DeviceMemory state = new DeviceMemory(8L * STATE);
  private final DeviceMemory result = new DeviceMemory(REPORT_BYTES);
  private final GpuUpload requests;
  private final PinnedMemory[] results = {
    new PinnedMemory(REPORT_BYTES), new PinnedMemory(REPORT_BYTES)
  };
  private final CudaEvent[] done = {new CudaEvent(), new CudaEvent()};
  private final UpdateReport[] reports = {new UpdateReport(), new UpdateReport()};
  private final Device.Launch decide;
  private long sent;
  private long read;
  private long steps;

  /**
   * Puts the state on the device.
   *
   * @param arguments sum of squares, constants of the update, gradients, their number, scale
   */
  GpuUpdates(Gpu gpu, GpuOptimizer optimizer, UpdateRule rule, Start start, Arguments arguments) {
    this.gpu = gpu;
    this.optimizer = optimizer;
    this.rule = rule;
    requests = new GpuUpload(gpu, new Place(request, 0), REQUEST_BYTES);
    clip = start.clip;
    scale = start.scale;
    steps = start.steps;
    decide =
        gpu.launch(
            "decideUpdate",
            new Kernel.Grid(1, Gpu.THREADS, 0),
            arguments
                .add(request.address(0, REQUEST_BYTES))
                .add(state.address(0, state.bytes()))
                .add(result.address(0, REPORT_BYTES))
                .add(scale.dynamic() ? LossScale.GROWTH_INTERVAL : 0)
                .add((float) LossScale.LARGEST));
    try (PinnedMemory values = new PinnedMemory(8 * STATE)) {
      values.view().putDouble(0, scale.state().good()).putDouble(8, start.steps).putDouble(16, 0);
      gpu.stream().upload(state, 0, values.pointer(), state.bytes());
      gpu.stream().synchronize();
    }
  }

  @Override
  public long send(List<Range> ranges, LongToDoubleFunction rate, int batches) {
    if (sent - read == DEPTH) {
      readNext();
    }
    int slot = (int) (sent % DEPTH);
    ByteBuffer view = requests.next();
    view.putDouble(0, batches).putDouble(8, clip).putDouble(16, steps);
    for (int c = 0; c < CASES; c++) {
      GpuOptimizer.constants(rule, rate.applyAsDouble(steps + c), steps + c + 1, 1, constants);
      for (int i = 0; i < constants.length; i++) {
        view.putDouble(8 * (HEAD + c * constants.length + i), constants[i]);
      }
    }
    requests.send();
    optimizer.sumSquares(ranges);
    decide.run();
    optimizer.update(ranges);
    gpu.stream().download(results[slot].pointer(), result, 0, REPORT_BYTES);
    done[slot].record(gpu.stream());
    return sent++;
  }

  @Override
  public UpdateReport report(long number) {
    int slot = Ring.slot(number, sent);
    while (read <= number) {
      readNext();
    }
    return reports[slot];
  }

  private void readNext() {
    int slot = (int) (read % DEPTH);
    done[slot].synchronize();
    ByteBuffer view = results[slot].view();
    steps = (long) view.getDouble(16);
    Outcome outcome = OUTCOMES[(int) view.getDouble(8)];
    reports[slot].set(outcome, view.getDouble(0), steps);
    if (scale.dynamic()) {
      reports[slot].setScale(view.getDouble(24), (int) view.getDouble(32));
    } else {
      reports[slot].setScale(scale.state().scale(), scale.state().good());
    }
    reports[slot].setElement((long) view.getDouble(40));
    read++;
  }

  @Override
  public void close() {
    gpu.stream().synchronize();
    List<AutoCloseable> owned = new ArrayList<>(List.of(requests, request, state, result, decide));
    for (AutoCloseable[] pair : List.of(results, done)) {
      owned.addAll(List.of(pair));
    }
    Closing.closeAll(owned);
  }
}
