package org.jresnet.inspect;

import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.PatternSyntaxException;
import org.jresnet.base.Nearest;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;

/** Names nodes by glob patterns. */
public final class NodePatterns {
  private NodePatterns() {}

  /**
   * Names of the nodes that match one of the patterns, such as {@code layer1.*} or {@code *relu};
   * all nodes where there is no pattern.
   *
   * @throws UserError for a pattern that matches nothing, offering the nearest names
   */
  public static Set<String> matching(Graph graph, List<String> patterns) {
    List<String> names = graph.nodes().stream().map(Node::name).toList();
    Set<String> found = new LinkedHashSet<>(patterns.isEmpty() ? names : List.of());
    for (String pattern : patterns) {
      PathMatcher matcher = matcher(pattern);
      List<String> matched = names.stream().filter(name -> matcher.matches(Path.of(name))).toList();
      if (matched.isEmpty()) {
        throw unknown(graph, pattern);
      }
      found.addAll(matched);
    }
    return found;
  }

  /**
   * The node of that name.
   *
   * @throws UserError when there is none, offering the nearest names
   */
  public static Node node(Graph graph, String name) {
    return graph.nodes().stream()
        .filter(n -> n.name().equals(name))
        .findFirst()
        .orElseThrow(() -> unknown(graph, name));
  }

  private static UserError unknown(Graph graph, String name) {
    List<String> names = graph.nodes().stream().map(Node::name).toList();
    return new UserError(
        Text.format(
            "%s has no node '%s'; near are %s. jresnet summary lists all",
            graph.name(), name, String.join(", ", Nearest.names(name, names))));
  }

  private static PathMatcher matcher(String pattern) {
    try {
      return FileSystems.getDefault().getPathMatcher("glob:" + pattern);
    } catch (PatternSyntaxException e) {
      throw new UserError(
          Text.format(
              "'%s' is no glob pattern: %s; write one such as layer1.*",
              pattern, e.getDescription()),
          e);
    }
  }
}
