package org.jresnet;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.equivalentTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jresnet.models.Architecture;
import org.jresnet.models.Autoencoder;
import org.jresnet.models.Preprocessing;

/** Who may know whom; CONTRIBUTING.md draws the same image. */
@AnalyzeClasses(packages = "org.jresnet", importOptions = ArchitectureTest.Product.class)
final class ArchitectureTest {
  /** What is not in a folder of test classes, whatever builds it. */
  static final class Product implements ImportOption {
    @Override
    public boolean includes(Location location) {
      return !location.contains("test");
    }
  }

  private static final String ROOT = "org.jresnet.";
  private static final Pattern LITERAL = Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"");

  @ArchTest
  static final ArchRule NATIVE_CODE_STAYS_IN_NATIVE_BINDINGS =
      noClasses()
          .that()
          .resideOutsideOfPackage(ROOT + "nativebindings..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("org.bytedeco..")
          .because(
              "only native-bindings may import org.bytedeco: put the native call into an owner"
                  + " class there and call that");

  @ArchTest static final ArchRule NATIVE_BINDINGS = only("nativebindings", "nativebindings");
  @ArchTest static final ArchRule BASE = only("base", "base");
  @ArchTest static final ArchRule GRAPH = only("graph", "graph");
  @ArchTest static final ArchRule MODELS = only("models", "models", "graph");
  @ArchTest static final ArchRule LOSS = only("loss", "loss");
  @ArchTest static final ArchRule WEIGHTS = only("weights", "weights", "graph");
  @ArchTest static final ArchRule DATA = only("data", "data", "nativebindings");
  @ArchTest static final ArchRule METRICS = only("metrics", "metrics");

  @ArchTest
  static final ArchRule BACKENDS = only("backend", "backend", "loss", "graph", "nativebindings");

  @ArchTest
  static final ArchRule DISTRIBUTED = only("distributed", "distributed", "nativebindings");

  @ArchTest
  static final ArchRule ENGINE =
      only("engine", "engine", "backend", "distributed", "loss", "graph");

  @ArchTest
  static final ArchRule BENCH =
      only("bench", "bench", "engine", "backend", "distributed", "models", "graph");

  @ArchTest
  static final ArchRule TRAIN =
      only(
          "train",
          "train",
          "engine",
          "backend",
          "distributed",
          "loss",
          "data",
          "weights",
          "metrics",
          "models",
          "graph");

  @ArchTest
  static final ArchRule EXPORT =
      only(
          "export", "export", "train", "engine", "backend", "data", "weights", "metrics", "models",
          "graph");

  @ArchTest
  static final ArchRule DETECT =
      only(
          "detect", "detect", "train", "engine", "backend", "loss", "data", "weights", "metrics",
          "models", "graph");

  @ArchTest
  static final ArchRule INSPECT =
      only(
          "inspect", "inspect", "check", "train", "engine", "backend", "loss", "data", "weights",
          "metrics", "models", "graph");

  @ArchTest
  static final ArchRule SERVE =
      only(
          "serve", "serve", "inspect", "detect", "bench", "train", "engine", "backend", "data",
          "weights", "metrics", "models", "graph");

  @ArchTest
  static final ArchRule THE_PREDICTION_SERVER_KNOWS_NO_STUDIO =
      noClasses()
          .that()
          .resideInAPackage(ROOT + "serve")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              ROOT + "serve.studio..",
              ROOT + "inspect..",
              ROOT + "detect..",
              ROOT + "bench..",
              ROOT + "models..")
          .because("what predicts for others stays small; pages that look inside are the studio's");

  @ArchTest
  static final ArchRule COMMAND_LINE_STAYS_IN_CLI =
      noClasses()
          .that()
          .resideOutsideOfPackage(ROOT + "cli..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("picocli..", "me.tongfei..", ROOT + "cli..")
          .because(
              "parsing and printing belong to cli; pass values in and report through a listener");

  @ArchTest
  static final ArchRule IMAGES_DO_NOT_GO_THROUGH_TEMPORARY_FILES =
      noClasses()
          .should()
          .callMethodWhere(
              target(owner(equivalentTo(javax.imageio.ImageIO.class)))
                  .and(
                      target(
                          nameMatching(
                              "read|write|createImageInputStream|createImageOutputStream"))))
          .because(
              "ImageIO's own streams write to the temporary folder and register a shutdown hook,"
                  + " which fails after Ctrl-C; use base.Png, or streams in memory");

  @ArchTest
  static final ArchRule ONE_CLASS_PRINTS =
      noClasses()
          .that()
          .doNotHaveFullyQualifiedName(ROOT + "cli.Console")
          .and()
          .doNotHaveFullyQualifiedName(ROOT + "cli.Main")
          .should()
          .accessField(System.class, "out")
          .orShould()
          .accessField(System.class, "err")
          .orShould()
          .callMethod(Throwable.class, "printStackTrace")
          .because("cli.Console escapes what comes from outside; print through it");

  @ArchTest
  static final ArchRule FAMILIES_ARE_KNOWN_BY_THE_REGISTRY_ALONE =
      noClasses()
          .that()
          .resideOutsideOfPackage(ROOT + "models..")
          .should()
          .dependOnClassesThat(
              resideInAPackage(ROOT + "models..")
                  .and(
                      not(
                          belongToAnyOf(
                              Architecture.class, Autoencoder.class, Preprocessing.class))))
          .because("a network is known by its name: ask models.Architecture");

  /** Comments may give examples; code asks the registry and {@code Graph.head()}. */
  @ArchTest
  static void namesOfNetworksAndTheirHeadsStayInModels(JavaClasses classes) throws IOException {
    Set<String> names = new TreeSet<>();
    Set<String> prefixes = new TreeSet<>();
    for (Architecture network : Architecture.all()) {
      String head = network.graph(2).head().name();
      names.addAll(List.of(network.id(), head));
      prefixes.add(head + ".");
    }
    assertThat(names).contains("resnet50", "fc");
    List<String> found = new ArrayList<>();
    int literals = 0;
    try (Stream<Path> files = Files.walk(Path.of("src/main/java"))) {
      for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
        if (file.getParent().endsWith("models")) {
          continue;
        }
        for (String line : Files.readAllLines(file)) {
          Matcher literal = LITERAL.matcher(line);
          while (!line.strip().startsWith("*") && literal.find()) {
            literals++;
            String text = literal.group(1);
            if (names.contains(text) || prefixes.stream().anyMatch(text::startsWith)) {
              found.add(file + ": " + line.strip());
            }
          }
        }
      }
    }
    assertThat(literals).isGreaterThan(1000);
    assertThat(found).as("ask models.Architecture, or Graph.head()").isEmpty();
  }

  private static ArchRule only(String room, String... known) {
    return classes()
        .that()
        .resideInAPackage(ROOT + room + "..")
        .should()
        .onlyDependOnClassesThat(
            new com.tngtech.archunit.base.DescribedPredicate<>(
                "belong to " + String.join(", ", known)) {
              @Override
              public boolean test(com.tngtech.archunit.core.domain.JavaClass c) {
                String name = c.getPackageName();
                if (!(name + ".").startsWith(ROOT)) {
                  return true;
                }
                if (name.equals(ROOT + "base")) {
                  return true;
                }
                for (String k : known) {
                  if ((name + ".").startsWith(ROOT + k + ".")) {
                    return true;
                  }
                }
                return false;
              }
            })
        .because(
            room
                + " may know only "
                + String.join(", ", known)
                + "; move the code to the room that may know both, see CONTRIBUTING.md");
  }
}
