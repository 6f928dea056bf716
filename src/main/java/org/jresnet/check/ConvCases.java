package org.jresnet.check;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jresnet.check.OpCase.Wanted;
import org.jresnet.check.Specs.Activation;
import org.jresnet.check.Specs.Residual;
import org.jresnet.check.Specs.Window;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.ConvTranspose2d;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Slot;

/** Cases of convolutions: those of a ResNet, and every other kind. */
final class ConvCases {
  private ConvCases() {}

  private static final List<Window> WINDOWS =
      List.of(
          new Window(7, 2, 3),
          new Window(3, 1, 1),
          new Window(3, 2, 1),
          new Window(1, 1, 0),
          new Window(1, 2, 0));

  /** A convolution and its input. */
  private record ConvSize(Shape x, Conv2d conv) {}

  private static List<ConvSize> convSizes() {
    List<ConvSize> sizes = new ArrayList<>();
    for (Window window : WINDOWS) {
      if (window.kernel() == 7) {
        sizes.add(size(new Shape(1, 17, 23, 3), 8, window));
        sizes.add(size(new Shape(2, 32, 32, 3), 64, window));
        sizes.add(size(new Shape(5, 9, 14, 3), 16, window));
      } else {
        sizes.add(size(new Shape(2, 9, 7, 8), 16, window));
        sizes.add(size(new Shape(1, 15, 14, 64), 64, window));
        sizes.add(size(new Shape(5, 8, 11, 24), 3, window));
        sizes.add(size(new Shape(1, 5, 6, 3), 24, window));
      }
    }
    sizes.addAll(unusualConvs());
    return sizes;
  }

  private static ConvSize size(Shape x, int k, Window window) {
    return new ConvSize(x, Specs.conv2d(x.c(), k, window));
  }

  /** Groups, gaps, biases, and windows that differ along rows and columns. */
  private static List<ConvSize> unusualConvs() {
    Axis three = new Axis(3, 1, 1);
    Axis one = new Axis(1, 1, 0);
    return List.of(
        new ConvSize(new Shape(2, 7, 6, 32), new Conv2d(32, 64, 3, 1, 1).grouped(8)),
        new ConvSize(new Shape(1, 8, 9, 64), new Conv2d(64, 64, 3, 2, 1).grouped(2)),
        new ConvSize(new Shape(2, 6, 5, 12), new Conv2d(12, 6, 1, 1, 0).grouped(3).biased()),
        new ConvSize(new Shape(2, 7, 9, 32), new Conv2d(32, 32, 3, 1, 1).grouped(32)),
        new ConvSize(new Shape(1, 9, 7, 16), new Conv2d(16, 16, 5, 2, 2).grouped(16).biased()),
        new ConvSize(new Shape(2, 5, 6, 3), new Conv2d(3, 6, 3, 1, 1).grouped(3)),
        new ConvSize(new Shape(2, 9, 11, 16), new Conv2d(16, 8, 3, 1, 2).dilated(2)),
        new ConvSize(new Shape(1, 9, 8, 8), new Conv2d(8, 16, 3, 2, 3).dilated(3).grouped(2)),
        new ConvSize(new Shape(2, 6, 7, 16), new Conv2d(16, 24, 3, 1, 1).biased()),
        new ConvSize(new Shape(3, 5, 4, 5), new Conv2d(5, 7, 1, 1, 0).biased()),
        new ConvSize(new Shape(2, 7, 9, 8), new Conv2d(8, 8, one, three)),
        new ConvSize(new Shape(1, 8, 11, 16), new Conv2d(16, 8, new Axis(7, 2, 3), one).biased()),
        new ConvSize(
            new Shape(2, 9, 12, 8),
            new Conv2d(8, 16, new Axis(3, 2, 0), new Axis(5, 3, 2, 2)).grouped(4).biased()));
  }

  /** Convolutions; every policy of the gradients with every window. */
  static List<OpCase> conv() {
    Set<Conv2d> seen = new HashSet<>();
    List<OpCase> cases = new ArrayList<>();
    for (ConvSize s : convSizes()) {
      for (Wanted g :
          seen.add(kind(s.conv))
              ? OpCase.wanted(OpCase.ANY, OpCase.WRITTEN)
              : OpCase.wanted(OpCase.ONE, OpCase.ONE)) {
        cases.add(OpCase.integers(t -> Specs.conv(s.x, s.conv, t, g.pass(), g.dx(), g.other())));
      }
    }
    return cases;
  }

  /** A convolution of that kind, whatever its channels are. */
  private static Conv2d kind(Conv2d c) {
    Conv2d one = new Conv2d(1, 1, c.rows(), c.columns());
    return c.groups() == 1 && c.bias() == Conv2d.Bias.NONE ? one : c;
  }

  /** What may follow a folded convolution. */
  private record Tail(Residual residual, Activation activation) {}

  static List<OpCase> foldedConv() {
    List<Tail> tails =
        List.of(
            new Tail(Residual.ADD, Activation.RELU),
            new Tail(Residual.NONE, Activation.RELU),
            new Tail(Residual.NONE, Activation.NONE),
            new Tail(Residual.ADD, Activation.NONE));
    Set<Conv2d> seen = new HashSet<>();
    List<OpCase> cases = new ArrayList<>();
    for (ConvSize s : convSizes()) {
      for (Tail tail : seen.add(kind(s.conv)) ? tails : tails.subList(0, 2)) {
        cases.add(
            new OpCase(
                t -> Specs.foldedConv(s.x, s.conv, t, 1e-5, tail.residual, tail.activation),
                tail.residual == Residual.ADD ? Map.of(Slot.RESIDUAL, Slot.Y) : Map.of(),
                OpCase.Inputs.REALS,
                cases.size()));
      }
    }
    return cases;
  }

  /** Transposed convolutions; every policy of the gradients with every one. */
  static List<OpCase> convTranspose() {
    Axis three = new Axis(3, 2, 1);
    Axis two = new Axis(2, 1, 0);
    Map<Shape, ConvTranspose2d> sizes = new LinkedHashMap<>();
    sizes.put(new Shape(2, 4, 5, 16), new ConvTranspose2d(16, 8, 2, 2, 0).biased());
    sizes.put(new Shape(1, 5, 4, 8), new ConvTranspose2d(8, 16, 3, 2, 1).padded(1, 1));
    sizes.put(new Shape(2, 6, 5, 8), new ConvTranspose2d(8, 8, 4, 2, 1));
    sizes.put(new Shape(3, 5, 3, 5), new ConvTranspose2d(5, 3, 3, 1, 1).biased());
    sizes.put(new Shape(1, 4, 6, 12), new ConvTranspose2d(12, 6, 3, 2, 1).grouped(3).biased());
    sizes.put(new Shape(2, 3, 5, 16), new ConvTranspose2d(16, 16, 3, 1, 1).grouped(16));
    sizes.put(new Shape(2, 4, 5, 8), new ConvTranspose2d(8, 4, three, two).padded(1, 0).biased());
    sizes.put(
        new Shape(1, 5, 4, 4),
        new ConvTranspose2d(4, 8, new Axis(3, 1, 2, 2), new Axis(3, 3, 0, 2)).padded(0, 2));
    List<OpCase> cases = new ArrayList<>();
    sizes.forEach(
        (x, op) -> {
          for (Wanted g : OpCase.wanted(OpCase.ANY, OpCase.WRITTEN)) {
            cases.add(OpCase.integers(t -> Specs.conv(x, op, t, g.pass(), g.dx(), g.other())));
          }
        });
    return cases;
  }
}
