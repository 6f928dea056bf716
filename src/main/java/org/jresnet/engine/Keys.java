package org.jresnet.engine;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.Draws;
import org.jresnet.backend.Mode;
import org.jresnet.backend.Tensor;
import org.jresnet.graph.DType;

/**
 * What random draws start from: a number for each op that draws, another one in each step. They lie
 * in memory of the device, so that a recorded step sees the new ones.
 */
final class Keys implements AutoCloseable {
  private final List<String> nodes;
  private final ByteBuffer host;
  private Buffer device;
  private Backend.Upload upload;
  private long seed;
  private long step;

  Keys(Backend backend, List<Group> groups) {
    nodes =
        groups.stream()
            .filter(group -> group.spec().op().draws() && group.spec().mode() == Mode.TRAIN)
            .map(Group::name)
            .toList();
    host = ByteBuffer.allocateDirect(Double.BYTES * nodes.size()).order(ByteOrder.LITTLE_ENDIAN);
    if (!nodes.isEmpty()) {
      device = backend.allocate("keys of random draws", host.capacity());
      upload = backend.upload(new Tensor(device, 0, DType.F64, nodes.size()));
      next();
      step = 0;
    }
  }

  /** The number of a group that draws. */
  Value value(Group group) {
    long at = (long) Double.BYTES * nodes.indexOf(group.name());
    return new Value("the key of " + group.name(), new Tensor(device, at, DType.F64, 1));
  }

  /** The next step draws as step {@code number} of that seed. */
  void start(long from, long number) {
    seed = from;
    step = number;
  }

  /** The step that comes again draws as step {@code number} of the seed did. */
  void again(long number) {
    step = number;
    next();
  }

  /** Makes the numbers of the next step, without allocating. */
  void next() {
    if (nodes.isEmpty()) {
      return;
    }
    for (int i = 0; i < nodes.size(); i++) {
      host.putDouble(Double.BYTES * i, Draws.key(seed, step, nodes.get(i)));
    }
    host.clear();
    upload.send(host);
    step++;
  }

  @Override
  public void close() {
    if (upload != null) {
      upload.close();
    }
    if (device != null) {
      device.close();
    }
  }
}
