package org.jresnet.engine;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Tensor;
import org.jresnet.base.Digests;
import org.jresnet.base.Json;
import org.jresnet.distributed.Communicator;
import org.jresnet.graph.Parameter;

/** A model and its optimizer on several ranks, which are to be the same to the bit. */
public final class Replicas {
  private static final int CHUNK = 4 << 20;

  private Replicas() {}

  /** Gives every rank what rank 0 has: parameters, running statistics, counts, moments, steps. */
  public static void spread(Model model, OptimizerState optimizer, Communicator ranks) {
    ByteBuffer chunk = chunk();
    for (Tensor arena : arenas(model, optimizer)) {
      for (long at = 0; at < arena.bytes(); at += CHUNK) {
        chunk.clear().limit((int) Math.min(CHUNK, arena.bytes() - at));
        arena.buffer().read(arena.offset() + at, chunk);
        ranks.broadcast(chunk.flip(), 0);
        arena.buffer().write(arena.offset() + at, chunk);
      }
    }
    List<String> counters = counters(model);
    double[] counts = new double[counters.size() + 1];
    if (ranks.leads()) {
      counts[counters.size()] = optimizer.steps();
      for (int i = 0; i < counters.size(); i++) {
        counts[i] = model.batchesTracked(counters.get(i));
      }
    }
    ranks.sum(counts);
    for (int i = 0; i < counters.size(); i++) {
      model.setBatchesTracked(counters.get(i), (long) counts[i]);
    }
    optimizer.setSteps((long) counts[counters.size()]);
  }

  /** SHA-256 of all that {@link #spread} makes equal. */
  public static String digest(Model model, OptimizerState optimizer) {
    MessageDigest digest = Digests.sha256();
    ByteBuffer chunk = chunk();
    digest(arenas(model, optimizer), digest, chunk);
    chunk.clear().putLong(optimizer.steps());
    counters(model).forEach(name -> chunk.putLong(model.batchesTracked(name)));
    digest.update(chunk.flip());
    return Digests.hex(digest);
  }

  /** SHA-256 of what a model computes with: its parameters and running statistics. */
  public static String digest(Model model) {
    MessageDigest digest = Digests.sha256();
    digest(List.of(model.parameters(), model.statistics()), digest, chunk());
    return Digests.hex(digest);
  }

  private static void digest(List<Tensor> arenas, MessageDigest digest, ByteBuffer chunk) {
    for (Tensor arena : arenas) {
      for (long at = 0; at < arena.bytes(); at += CHUNK) {
        chunk.clear().limit((int) Math.min(CHUNK, arena.bytes() - at));
        arena.buffer().read(arena.offset() + at, chunk);
        digest.update(chunk.flip());
      }
    }
  }

  /**
   * Does something on rank 0 first, so that its choices of kernels are everyone's: ranks that time
   * kernels each for themselves would compute different last bits from run to run.
   */
  public static <T> T leadFirst(Communicator ranks, Backend backend, Supplier<T> work) {
    if (ranks.size() == 1) {
      return work.get();
    }
    T made = ranks.leads() ? work.get() : null;
    String chosen = ranks.leads() ? Json.line(backend.choices()) : "{}";
    String text = new String(ranks.broadcast(chosen.getBytes(UTF_8), 0), UTF_8);
    if (!ranks.leads()) {
      backend.choose(Json.parseMap("rank 0", text, String.class));
      made = work.get();
    }
    return made;
  }

  private static ByteBuffer chunk() {
    return ByteBuffer.allocateDirect(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static List<Tensor> arenas(Model model, OptimizerState optimizer) {
    List<Tensor> arenas = new ArrayList<>(List.of(model.parameters(), model.statistics()));
    arenas.addAll(optimizer.arenas());
    return arenas;
  }

  private static List<String> counters(Model model) {
    return model.graph().parameters().stream()
        .filter(p -> p.role() == Parameter.Role.BATCHES_TRACKED)
        .map(Parameter::name)
        .toList();
  }
}
