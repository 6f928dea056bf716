package org.jresnet.train;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jresnet.base.Digests;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.data.Sample;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.SharedError;
import org.jresnet.engine.Model;
import org.jresnet.engine.Replicas;

/** What ranks look at each for itself, and what all of them have found. */
final class Shares {
  private Shares() {}

  /** The part of a list that a rank looks at. */
  static <T> List<T> of(List<T> all, Communicator ranks) {
    return all.subList(
        start(all.size(), ranks.rank(), ranks), start(all.size(), ranks.rank() + 1, ranks));
  }

  /** How much of a list the rank with the largest part looks at. */
  static int largest(int length, Communicator ranks) {
    return (length + ranks.size() - 1) / ranks.size();
  }

  private static int start(int length, int rank, Communicator ranks) {
    return (int) ((long) rank * length / ranks.size());
  }

  /**
   * Stops all ranks unless they evaluate the same model on the same list of images, and each has
   * one.
   *
   * @throws SharedError naming the ranks that differ from rank 0
   */
  static void requireAlike(Model model, List<Sample> samples, Communicator ranks) {
    if (ranks.size() == 1) {
      return;
    }
    requireEqual("the weights", Replicas.digest(model), ranks);
    String list = Digests.ofLines(samples.stream().map(s -> s.label() + " " + s.id()).toList());
    requireEqual("the list of images", list, ranks);
    if (samples.size() < ranks.size()) {
      throw new SharedError(
          Text.format(
              "there are %s ranks and only %s images; start at most that many ranks",
              ranks.size(), samples.size()),
          List.of());
    }
  }

  private static void requireEqual(String what, String own, Communicator ranks) {
    List<String> others = others(own, ranks);
    if (!others.isEmpty()) {
      throw new SharedError(
          Text.format("%s must be the same on all ranks; other than rank 0:", what), others);
    }
  }

  /** Names the ranks that say something else than rank 0. */
  static List<String> others(String own, Communicator ranks) {
    List<String> said = ranks.gather(own);
    List<String> others = new ArrayList<>();
    for (int rank = 1; rank < said.size(); rank++) {
      if (!said.get(rank).equals(said.get(0))) {
        others.add(Text.format("rank %s", rank));
      }
    }
    return others;
  }

  /** Messages by file that ranks have found. */
  static Map<String, String> messages(Map<String, String> own, Communicator ranks) {
    if (ranks.size() == 1) {
      return own;
    }
    Map<String, String> all = new TreeMap<>();
    for (String text : ranks.gather(Json.line(own))) {
      all.putAll(Json.parseMap("a rank", text, String.class));
    }
    return all;
  }

  /**
   * What all ranks have scored, in the order of the images.
   *
   * @param own of this rank's {@link #of part} of {@code samples}
   */
  static List<Scored> scored(
      List<Scored> own, List<Sample> samples, int classes, Communicator ranks) {
    if (ranks.size() == 1) {
      return own;
    }
    Map<String, Integer> places = new HashMap<>();
    for (int i = 0; i < samples.size(); i++) {
      places.put(samples.get(i).id(), i);
    }
    ByteBuffer bytes = ByteBuffer.allocate(own.size() * (Integer.BYTES + classes * Float.BYTES));
    for (Scored scored : own) {
      bytes.putInt(places.get(scored.sample().id()));
      for (float logit : scored.logits()) {
        bytes.putFloat(logit);
      }
    }
    List<Scored> all = new ArrayList<>();
    for (byte[] one : ranks.gather(bytes.array())) {
      ByteBuffer read = ByteBuffer.wrap(one);
      while (read.hasRemaining()) {
        Sample sample = samples.get(read.getInt());
        float[] logits = new float[classes];
        for (int k = 0; k < classes; k++) {
          logits[k] = read.getFloat();
        }
        all.add(new Scored(sample, logits));
      }
    }
    return all;
  }
}
