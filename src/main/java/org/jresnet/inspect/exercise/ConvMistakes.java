package org.jresnet.inspect.exercise;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Shape;
import org.jresnet.inspect.exercise.Call.Mistake;

/** What a convolution gives when a loop of it is a little wrong. */
final class ConvMistakes {
  private final Conv2d conv;
  private final Shape x;
  private final Shape y;
  private final int taps;
  private final int stride;
  private final int padding;

  ConvMistakes(Conv2d conv, Shape x, Shape y) {
    this.conv = conv;
    this.x = x;
    this.y = y;
    taps = conv.rows().size();
    stride = conv.rows().stride();
    padding = conv.rows().padding();
  }

  /** Where tap r of the window at p lies. */
  private interface Place {
    int at(int p, int r);
  }

  /** Which number of a filter belongs to a channel and a tap. */
  private interface Filter {
    double at(int k, int c, int r, int s);
  }

  private int right(int p, int r) {
    return p * stride + r - padding;
  }

  private int at(int k, int c, int r, int s) {
    return ((k * conv.c() + c) * taps + r) * taps + s;
  }

  private Filter filter(double[] filters) {
    return (k, c, r, s) -> filters[at(k, c, r, s)];
  }

  /** Mistakes of forward. */
  List<Mistake> forward(double[] image, double[] filters) {
    Filter right = filter(filters);
    List<Mistake> all = new ArrayList<>();
    String start = "the window of output row p starts at input row p*stride - padding";
    places(all, image, right, (p, r) -> p + r - padding, "the stride does nothing: " + start);
    places(all, image, right, (p, r) -> p * stride + r, "the padding does nothing: " + start);
    places(
        all,
        image,
        right,
        (p, r) -> p * stride + r + padding,
        "the padding has the wrong sign: " + start);
    places(all, image, right, (p, r) -> right(p, r) - 1, "every window lies one place too far up");
    places(
        all, image, right, (p, r) -> right(p, r) + 1, "every window lies one place too far down");
    places(
        all,
        image,
        right,
        (p, r) -> Math.max(0, right(p, r)),
        "places above the image count as its first row; they count as 0");
    add(
        all,
        sum(image, this::right, this::right, flipped(right)),
        "the filter is turned around: networks do not flip it (that would be the convolution of"
            + " mathematics; this one is a cross-correlation)");
    add(
        all,
        sum(image, this::right, this::right, (k, c, r, s) -> right.at(k, c, s, r)),
        "rows and columns of the filter are exchanged: it is w[k][c][r][s]");
    add(
        all,
        sum(image, this::right, this::right, (k, c, r, s) -> c == 0 ? right.at(k, c, r, s) : 0),
        "only the first channel counts: sum over c, too");
    add(all, last(image, right), "the last term replaces the sum: add with +=");
    return all;
  }

  private Filter flipped(Filter filter) {
    return (k, c, r, s) -> filter.at(k, c, taps - 1 - r, taps - 1 - s);
  }

  /** A window in the wrong place: along both axes, or along one of them. */
  private void places(List<Mistake> all, double[] image, Filter filter, Place wrong, String hint) {
    add(all, sum(image, wrong, wrong, filter), hint + ", and so for columns");
    add(all, sum(image, wrong, this::right, filter), hint + " (columns are right)");
    add(all, sum(image, this::right, wrong, filter), hint + "; rows are right, columns are not");
  }

  private static void add(List<Mistake> all, double[] values, String hint) {
    all.add(new Mistake("y", values, hint));
  }

  private static boolean inside(int at, int extent) {
    return at >= 0 && at < extent;
  }

  /** One product of a convolution, by what its factors are. */
  private interface Term {
    void at(int x, int y, int k, int c, int r, int s);
  }

  /** Every product whose place is within the image. */
  private void each(Place rows, Place columns, Term term) {
    y.forEach(
        (n, p, q, k) -> {
          for (int r = 0; r < taps; r++) {
            for (int s = 0; s < taps; s++) {
              int h = rows.at(p, r);
              int w = columns.at(q, s);
              for (int c = 0; inside(h, x.h()) && inside(w, x.w()) && c < conv.c(); c++) {
                term.at(x.at(n, h, w, c), y.at(n, p, q, k), k, c, r, s);
              }
            }
          }
        });
  }

  private double[] sum(double[] image, Place rows, Place columns, Filter filter) {
    double[] sums = new double[Math.toIntExact(y.elements())];
    each(rows, columns, (i, j, k, c, r, s) -> sums[j] += image[i] * filter.at(k, c, r, s));
    return sums;
  }

  /** Mistakes of the gradient by the input. */
  List<Mistake> dx(double[] dy, double[] filters) {
    Filter right = filter(filters);
    String where = "dy[p] belongs to input row p*stride + r - padding";
    List<Mistake> all = new ArrayList<>();
    for (Map.Entry<String, Place> e : wrongPlaces(where).entrySet()) {
      all.add(new Mistake("dx", dx(dy, e.getValue(), right), e.getKey()));
    }
    all.add(
        new Mistake(
            "dx",
            dx(dy, this::right, flipped(right)),
            "the filter is turned around: if your loop runs over p, q, r, s, it stays as it is"));
    return all;
  }

  private double[] dx(double[] dy, Place place, Filter filter) {
    double[] sums = new double[Math.toIntExact(x.elements())];
    each(place, place, (i, j, k, c, r, s) -> sums[i] += dy[j] * filter.at(k, c, r, s));
    return sums;
  }

  /** Mistakes of the gradient by the filters. */
  List<Mistake> dw(double[] image, double[] dy) {
    String where = "w[r] meets input row p*stride + r - padding";
    List<Mistake> all = new ArrayList<>();
    for (Map.Entry<String, Place> e : wrongPlaces(where).entrySet()) {
      all.add(new Mistake("dw", dw(image, dy, e.getValue(), 1), e.getKey()));
    }
    all.add(
        new Mistake(
            "dw",
            dw(image, dy, this::right, x.n()),
            "the gradients of the images are averaged; they are added (the loss has the 1/n)"));
    return all;
  }

  private double[] dw(double[] image, double[] dy, Place place, int divisor) {
    double[] sums = new double[conv.k() * conv.c() * taps * taps];
    each(place, place, (i, j, k, c, r, s) -> sums[at(k, c, r, s)] += image[i] * dy[j] / divisor);
    return sums;
  }

  private Map<String, Place> wrongPlaces(String where) {
    Map<String, Place> all = new LinkedHashMap<>();
    all.put("the stride does nothing: " + where, (p, r) -> p + r - padding);
    all.put("the padding does nothing: " + where, (p, r) -> p * stride + r);
    all.put("the padding has the wrong sign: " + where, (p, r) -> p * stride + r + padding);
    return all;
  }

  /** The term that comes last, whatever the order of the loops is. */
  private double[] last(double[] image, Filter filter) {
    double[] terms = new double[Math.toIntExact(y.elements())];
    y.forEach(
        (n, p, q, k) -> {
          int r = Math.min(taps - 1, x.h() - 1 + padding - p * stride);
          int s = Math.min(taps - 1, x.w() - 1 + padding - q * stride);
          int c = conv.c() - 1;
          terms[y.at(n, p, q, k)] =
              image[x.at(n, right(p, r), right(q, s), c)] * filter.at(k, c, r, s);
        });
    return terms;
  }
}
