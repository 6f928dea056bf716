package org.jresnet.cli;

import static java.util.stream.Collectors.joining;

import java.util.List;
import java.util.Map;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.gpu.CudnnOptions.Fusion;
import org.jresnet.backend.gpu.GpuBackend;
import org.jresnet.engine.Executable.NamedSpec;
import org.jresnet.graph.Conv2d;

/** What each convolution of a training computes along with itself, and why not more. */
final class FusionTable {
  private FusionTable() {}

  /**
   * Prints a line for each convolution; nothing where none was asked for more than itself.
   *
   * @param refusals by the convolution's name
   */
  static void print(
      Console console, Fusion asked, List<NamedSpec> specs, Map<String, List<String>> refusals) {
    if (asked.compareTo(Fusion.G) < 0) {
      return;
    }
    console.print("%nWhat convolutions compute along with themselves (--fusion %s)", asked);
    for (NamedSpec named : specs) {
      OpSpec spec = named.spec();
      if (spec.op() instanceof Conv2d || spec.convolves()) {
        String name = named.nodes().get(named.nodes().size() - 1).name();
        Fusion form = spec.convolves() ? Fusion.M : spec.output().summed() ? Fusion.G : Fusion.C;
        String why = why(asked, form, refusals.get(name));
        console.print("%-24s %s %-28s %s", name, form, text(form), why);
      }
    }
  }

  private static String text(Fusion form) {
    return switch (form) {
      case M -> "norm and ReLU before, sums";
      case G -> "sums";
      default -> "nothing";
    };
  }

  private static String why(Fusion asked, Fusion form, List<String> refused) {
    if (form == asked) {
      return "";
    } else if (refused == null) {
      return asked == Fusion.M ? "no norm with a ReLU alone before it" : "no norm behind it";
    }
    return refused.stream().filter(r -> !r.equals(GpuBackend.UNASKED)).collect(joining("; "));
  }
}
