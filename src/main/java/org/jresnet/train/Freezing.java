package org.jresnet.train;

import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Parameter;

/** Names the parameters that glob patterns freeze. */
public final class Freezing {
  private Freezing() {}

  /**
   * Trainable parameters whose names match a pattern such as {@code layer1.*} or {@code *bn*}.
   *
   * @throws UserError for a pattern that matches nothing, or patterns that leave nothing to train
   */
  public static Set<String> names(Graph graph, List<String> patterns) {
    List<String> trainable =
        graph.parameters().stream().filter(p -> p.role().trainable()).map(Parameter::name).toList();
    Set<String> frozen = new TreeSet<>();
    for (String pattern : patterns) {
      PathMatcher matcher = matcher(pattern);
      List<String> matched =
          trainable.stream().filter(name -> matcher.matches(Path.of(name))).toList();
      if (matched.isEmpty()) {
        String known =
            trainable.stream()
                .map(n -> n.replaceAll("\\..*", ""))
                .distinct()
                .collect(Collectors.joining(", "));
        throw new UserError(
            Text.format(
                "the freeze pattern '%s' matches no parameter; names start with %s (such as "
                    + "layer1.*); `jresnet summary` lists them",
                pattern, known));
      }
      frozen.addAll(matched);
    }
    if (frozen.size() == trainable.size()) {
      throw new UserError(Text.format("the freeze patterns %s leave nothing to train", patterns));
    }
    return frozen;
  }

  private static PathMatcher matcher(String pattern) {
    try {
      return FileSystems.getDefault().getPathMatcher("glob:" + pattern);
    } catch (PatternSyntaxException e) {
      throw new UserError(
          Text.format(
              "the freeze pattern '%s' is no glob pattern: %s; write one such as layer1.*",
              pattern, e.getDescription()),
          e);
    }
  }
}
