package org.jresnet.serve.studio;

import java.util.Locale;
import org.jresnet.base.Text;
import org.jresnet.graph.Activation;
import org.jresnet.graph.AvgPool;
import org.jresnet.graph.Axis;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.Dropout;
import org.jresnet.graph.Op;
import org.jresnet.graph.Scale;

/** An op in the words of a lesson: {@code convolution 3x3, 64 to 64 channels, stride 1}. */
final class OpText {
  private OpText() {}

  static String of(Op op) {
    if (op instanceof Conv2d conv) {
      return convolution(conv);
    } else if (op instanceof Op.BatchNorm norm) {
      return Text.format(
          "batch norm of %s channels, eps %s, momentum %s", norm.c(), norm.eps(), norm.momentum());
    } else if (op instanceof Activation activation) {
      return activation.function().name().toLowerCase(Locale.ROOT).replace('_', ' ');
    } else if (op instanceof Op.Add) {
      return "addition of branch and shortcut";
    } else if (op instanceof Op.MaxPool pool) {
      return window("largest of each", pool.kernel(), pool.stride(), pool.padding());
    } else if (op instanceof AvgPool pool) {
      return window("mean of each", pool.kernel(), pool.stride(), pool.padding());
    } else if (op instanceof Op.GlobalAvgPool) {
      return "mean over all places";
    } else if (op instanceof Op.Linear linear) {
      return Text.format("linear layer, %s to %s", linear.c(), linear.k());
    } else if (op instanceof Dropout dropout) {
      return Text.format(
          "%s with probability %s",
          dropout.unit() == Dropout.Unit.IMAGE ? "stochastic depth" : "dropout", dropout.p());
    } else if (op instanceof Scale scale) {
      return Text.format("times %s", scale.factor());
    } else if (op instanceof Op.Input) {
      return "the image, normalised";
    }
    return op.kind();
  }

  private static String convolution(Conv2d conv) {
    StringBuilder text = new StringBuilder();
    boolean depthwise = conv.groups() > 1 && conv.groups() == conv.c();
    text.append(depthwise ? "depthwise convolution " : "convolution ")
        .append(both(conv.rows().size(), conv.columns().size(), "x"))
        .append(Text.format(", %s to %s channels", conv.c(), conv.k()));
    if (conv.groups() > 1 && !depthwise) {
      text.append(Text.format(" in %s groups", conv.groups()));
    }
    Axis rows = conv.rows();
    Axis columns = conv.columns();
    text.append(", stride ").append(either(rows.stride(), columns.stride()));
    text.append(", padding ").append(either(rows.padding(), columns.padding()));
    if (rows.dilation() > 1 || columns.dilation() > 1) {
      text.append(", dilation ").append(either(rows.dilation(), columns.dilation()));
    }
    return text.append(conv.bias() == Conv2d.Bias.NONE ? ", no bias" : ", with bias").toString();
  }

  private static String window(String what, int size, int stride, int padding) {
    return Text.format(
        "%s %s window, stride %s, padding %s", what, both(size, size, "x"), stride, padding);
  }

  private static String either(int rows, int columns) {
    return rows == columns ? Integer.toString(rows) : both(rows, columns, " and ");
  }

  private static String both(int rows, int columns, String between) {
    return rows + between + columns;
  }
}
