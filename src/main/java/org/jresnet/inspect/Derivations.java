package org.jresnet.inspect;

import java.util.Map;
import org.jresnet.graph.Activation;
import org.jresnet.graph.Op;

/** The pages that derive the formulas of ops. */
public final class Derivations {
  private static final String FOLDER = "docs/derivations/";

  /** By {@link Op#kind}; activations but ReLU share a page. */
  private static final Map<String, String> PAGES =
      Map.ofEntries(
          Map.entry("conv", "conv.md"),
          Map.entry("convtranspose", "conv-transpose.md"),
          Map.entry("norm", "batch-norm.md"),
          Map.entry("add", "relu-add.md"),
          Map.entry("relu", "relu-add.md"),
          Map.entry("maxpool", "max-pool.md"),
          Map.entry("avgpool", "global-avg-pool.md"),
          Map.entry("windowavg", "avg-pool.md"),
          Map.entry("linear", "linear.md"),
          Map.entry("dropout", "dropout.md"),
          Map.entry("stochastic_depth", "dropout.md"),
          Map.entry("multiply", "multiply.md"),
          Map.entry("scale", "multiply.md"),
          Map.entry("concat", "channels.md"),
          Map.entry("slice", "channels.md"),
          Map.entry("shuffle", "channels.md"),
          Map.entry("upsample", "upsample-unpool.md"),
          Map.entry("maxunpool", "upsample-unpool.md"));

  private Derivations() {}

  /** Path of the page on an op, from the root of the source; the folder where it has none. */
  public static String page(Op op) {
    String other = op instanceof Activation ? "activations.md" : "";
    return FOLDER + PAGES.getOrDefault(op.kind(), other);
  }
}
