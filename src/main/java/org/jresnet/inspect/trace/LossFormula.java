package org.jresnet.inspect.trace;

import java.util.List;
import org.jresnet.inspect.Recording;
import org.jresnet.train.Evaluator;

/** Softmax and cross-entropy: {@code backend.reference.CrossEntropy} has the formulas. */
final class LossFormula {
  private static final String FILE = "CrossEntropy.java";

  private final RecordedStep step;
  private final float[] logits;
  private final int[] labels;
  private final int classes;

  LossFormula(RecordedStep step) {
    this.step = step;
    logits = step.values(Recording.LOGITS);
    labels = step.recording().labels();
    classes = logits.length / Math.max(1, labels.length);
  }

  /** Logarithms of an image's softmax. */
  private double[] logp(int n) {
    return Evaluator.logSoftmax(logits, n * classes, classes);
  }

  /** The mean loss of the images. */
  Terms loss() {
    Terms terms =
        new Terms(
            "loss = −Σ_n log softmax(z_n)[label_n] / N", FILE, "target * (z[at + k] - logSum);");
    List<String> names = step.recording().network().classes();
    for (int n = 0; n < labels.length; n++) {
      double[] logp = logp(n);
      for (int k = 0; k < classes; k++) {
        String of = "image " + n + ", " + names.get(k);
        terms.note("logit of " + of, logits[n * classes + k]);
        terms.note("probability of " + of, Math.exp(logp[k]));
      }
      terms.add("−logp[" + n + "," + labels[n] + "]/N", -logp[labels[n]], 1.0 / labels.length);
    }
    return terms;
  }

  /** The gradient by a logit. */
  Terms gradient(int[] at) {
    int n = at[0];
    int k = at[3];
    double p = Math.exp(logp(n)[k]);
    double target = labels[n] == k ? 1 : 0;
    double share = 1.0 / labels.length;
    return new Terms(
            "dz_n[k] = (softmax(z_n)[k] − [k = label_n]) / N",
            FILE,
            "dz[at + k] = factor * gradient / totalWeight;")
        .note(Formula.label("z", n, k), logits[n * classes + k])
        .note("N, the images", labels.length)
        .add(Formula.label("softmax", n, k) + "/N", p, share)
        .add("−[k = label]/N", -target, share);
  }
}
