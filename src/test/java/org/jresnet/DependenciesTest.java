package org.jresnet;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** What a program gets that uses jresnet as a library. */
final class DependenciesTest {
  private static final List<String> BINDINGS =
      List.of("slf4j-simple", "slf4j-jdk14", "logback-classic", "log4j-slf4j2-impl");

  @Test
  void noLogBindingReachesThem() throws Exception {
    NodeList all =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(Path.of("pom.xml").toFile())
            .getElementsByTagName("dependency");
    List<String> reaching = new ArrayList<>();
    int seen = 0;
    for (int i = 0; i < all.getLength(); i++) {
      Element dependency = (Element) all.item(i);
      if (!BINDINGS.contains(text(dependency, "artifactId"))) {
        continue;
      }
      seen++;
      boolean kept =
          text(dependency, "optional").equals("true")
              || List.of("test", "provided").contains(text(dependency, "scope"));
      if (!kept) {
        reaching.add(text(dependency, "artifactId"));
      }
    }
    assertThat(seen).as("the command line has a binding").isPositive();
    assertThat(reaching).isEmpty();
  }

  private static String text(Element dependency, String tag) {
    NodeList found = dependency.getElementsByTagName(tag);
    return found.getLength() == 0 ? "" : found.item(0).getTextContent().strip();
  }
}
