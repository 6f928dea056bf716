package org.jresnet.serve.studio;

import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.inspect.Recording;
import org.jresnet.inspect.StepFacts;
import org.jresnet.inspect.TensorStatistics;
import org.jresnet.inspect.trace.Tracer;
import org.jresnet.inspect.trace.ValueTrace;

/** An opened recording as stations, feature maps and numbers that are taken apart. */
final class Walk implements AutoCloseable {
  /** Terms that a page lists; a 3x3 filter over 512 channels has more. */
  private static final int MOST_TERMS = 600;

  /** Terms that a saved walk lists. */
  private static final int SAVED_TERMS = 72;

  private static final int MOST_CHANNELS = 64;

  /**
   * What a page looks at, in all tensors alike.
   *
   * @param image of the batch
   * @param y row, as a share of the height
   * @param x column, as a share of the width
   * @param channel of a node's output; larger ones begin again at 0
   */
  record Place(int image, double y, double x, int channel) {
    /** The element of a tensor. Of parameters the filter of the channel, in its middle. */
    int[] in(List<Long> shape, boolean parameter) {
      int[] extents = shape.stream().mapToInt(Math::toIntExact).toArray();
      int[] at = new int[extents.length];
      for (int i = 0; i < at.length; i++) {
        int extent = extents[i];
        at[i] =
            parameter
                ? i == 0 ? channel % extent : i == 1 ? 0 : extent / 2
                : switch (i) {
                  case 0 -> Math.min(image, extent - 1);
                  case 1 -> Math.min((int) (y * extent), extent - 1);
                  case 2 -> Math.min((int) (x * extent), extent - 1);
                  default -> channel % extent;
                };
      }
      return at;
    }
  }

  private final Recording recording;
  private final Tracer tracer;
  private final Tracer brief;
  private final List<WalkStep> steps;

  Walk(Recording recording) {
    this.recording = recording;
    tracer = new Tracer(recording, MOST_TERMS);
    brief = new Tracer(recording, SAVED_TERMS);
    steps = WalkStep.of(recording, tracer);
  }

  /** The stations and what is known of the step and its tensors. */
  Map<String, Object> description() {
    StepFacts facts = recording.facts();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("network", facts.network().architecture());
    values.put("width", facts.network().width());
    values.put("classes", facts.network().classes());
    values.put("pass", facts.pass().name().toLowerCase(java.util.Locale.ROOT));
    values.put("precision", facts.precision().id());
    values.put("backend", facts.machine());
    values.put("images", facts.images());
    values.put("labels", recording.labels());
    values.put("half", facts.half());
    values.put("loss", facts.loss());
    values.put("step", facts.step());
    values.put("optimizer", facts.optimizer());
    values.put("steps", steps.stream().map(WalkStep::values).toList());
    Map<String, Object> tensors = new LinkedHashMap<>();
    Set<String> used = new TreeSet<>();
    for (WalkStep step : steps) {
      step.maps().forEach(map -> used.add(map.tensor()));
      step.traces().stream().map(WalkStep.Query::tensor).forEach(used::add);
    }
    used.remove("");
    used.forEach(name -> tensors.put(name, tensor(name)));
    values.put("tensors", tensors);
    values.put(
        "parameters",
        recording.tensors().stream()
            .filter(t -> t.startsWith(Recording.parameterAfter("")))
            .map(t -> t.substring(Recording.parameterAfter("").length()))
            .toList());
    return values;
  }

  private Map<String, Object> tensor(String name) {
    TensorStatistics s = recording.statistics(name);
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("shape", recording.shape(name));
    values.put("mean", s.mean());
    values.put("std", s.std());
    values.put("zeros", s.zeros());
    values.put("norm", s.norm());
    values.put("min", s.min());
    values.put("max", s.max());
    return values;
  }

  List<WalkStep> steps() {
    return steps;
  }

  WalkStep step(int number) {
    if (number < 0 || number >= steps.size()) {
      throw new UserError(
          Text.format("the walk has %s stations, there is no %s", steps.size(), number));
    }
    return steps.get(number);
  }

  /**
   * Channels of a tensor as 8-bit pixels. Where there are negative numbers 0 is the middle of the
   * range, which {@code low} and {@code high} give.
   *
   * @param side largest rows and columns; a larger map is reduced by averaging
   */
  Map<String, Object> map(String tensor, int image, int first, int count, int side) {
    List<Long> shape = recording.shape(tensor);
    if (shape.size() != 4 || tensor.startsWith(Recording.parameter(""))) {
      throw new UserError(Text.format("%s is no feature map but has shape %s", tensor, shape));
    }
    int[] s = shape.stream().mapToInt(Math::toIntExact).toArray();
    if (image < 0 || image >= s[0] || first < 0 || first >= s[3]) {
      throw new UserError(Text.format("%s has %s images and %s channels", tensor, s[0], s[3]));
    }
    int channels = Math.min(Math.min(count, MOST_CHANNELS), s[3] - first);
    int by = Math.max(1, Math.max(ceil(s[1], side), ceil(s[2], side)));
    int h = ceil(s[1], by);
    int w = ceil(s[2], by);
    float[] all = recording.values(tensor);
    double[] means = new double[channels * h * w];
    int[] counts = new int[means.length];
    for (int y = 0; y < s[1]; y++) {
      for (int x = 0; x < s[2]; x++) {
        for (int c = 0; c < channels; c++) {
          int to = (c * h + y / by) * w + x / by;
          means[to] += all[((image * s[1] + y) * s[2] + x) * s[3] + first + c];
          counts[to]++;
        }
      }
    }
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < means.length; i++) {
      means[i] /= counts[i];
      low = Math.min(low, means[i]);
      high = Math.max(high, means[i]);
    }
    if (low < 0) {
      high = Math.max(high, -low);
      low = -high;
    }
    byte[] pixels = new byte[means.length];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) Math.round(high == low ? 0 : 255 * (means[i] - low) / (high - low));
    }
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("tensor", tensor);
    values.put("channels", s[3]);
    values.put("first", first);
    values.put("count", channels);
    values.put("height", h);
    values.put("width", w);
    values.put("reduced", by);
    values.put("low", low);
    values.put("high", high);
    values.put("pixels", Base64.getEncoder().encodeToString(pixels));
    return values;
  }

  private static int ceil(int a, int b) {
    return (a + b - 1) / b;
  }

  /** The image of the batch as the network takes it. */
  byte[] image(int number) {
    List<Long> shape = recording.shape(Recording.INPUT);
    int bytes = Math.toIntExact(shape.get(1) * shape.get(2) * shape.get(3));
    if (number < 0 || number >= shape.get(0)) {
      throw new UserError(Text.format("the step has %s images", shape.get(0)));
    }
    byte[] rgb = new byte[bytes];
    recording.tensor(Recording.INPUT).data().duplicate().position(number * bytes).get(rgb);
    return rgb;
  }

  /** The channel of a tensor that a place looks at. */
  int channel(Place place, String tensor) {
    List<Long> shape = recording.shape(tensor);
    return place.channel() % Math.toIntExact(shape.get(shape.size() - 1));
  }

  /** Rows and columns of the images. */
  int size() {
    return Math.toIntExact(recording.shape(Recording.INPUT).get(1));
  }

  /**
   * Takes a number apart.
   *
   * @param number of the station, and of its query
   * @param parameter instead of the query's own
   * @param element instead of the one at the place
   */
  ValueTrace trace(
      int number, int query, Place place, Optional<String> parameter, Optional<int[]> element) {
    return trace(tracer, number, query, place, parameter, element);
  }

  private ValueTrace trace(
      Tracer by,
      int number,
      int query,
      Place place,
      Optional<String> parameter,
      Optional<int[]> element) {
    WalkStep step = step(number);
    if (query < 0 || query >= step.traces().size()) {
      throw new UserError(Text.format("station %s has no number %s", number, query));
    }
    WalkStep.Query q = step.traces().get(query);
    String name = parameter.orElse(q.parameter());
    String tensor = q.kind() == WalkStep.Kind.UPDATE ? Recording.parameterAfter(name) : q.tensor();
    int[] at =
        element.orElseGet(
            () ->
                tensor.isEmpty()
                    ? new int[0]
                    : place.in(recording.shape(tensor), !q.parameter().isEmpty()));
    return switch (q.kind()) {
      case FORWARD -> by.forward(step.node(), at);
      case BACKWARD -> by.backward(step.node(), q.input(), at);
      case GRADIENT -> by.gradient(name, at);
      case UPDATE -> by.update(name, at);
      case LOSS -> by.loss();
      case LOSS_GRADIENT -> by.lossGradient(at);
    };
  }

  /** All traces of all stations at one place, with few terms each. */
  List<List<ValueTrace>> traces(Place place) {
    List<List<ValueTrace>> all = new ArrayList<>();
    for (int i = 0; i < steps.size(); i++) {
      int number = i;
      all.add(
          IntStream.range(0, steps.get(i).traces().size())
              .mapToObj(q -> trace(brief, number, q, place, Optional.empty(), Optional.empty()))
              .toList());
    }
    return all;
  }

  @Override
  public void close() {
    recording.close();
  }
}
