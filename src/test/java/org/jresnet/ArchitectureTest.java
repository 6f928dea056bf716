package org.jresnet;

import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.equivalentTo;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Who may know whom; CONTRIBUTING.md draws the same picture. */
@AnalyzeClasses(packages = "org.jresnet", importOptions = DoNotIncludeTests.class)
final class ArchitectureTest {
  private static final String ROOT = "org.jresnet.";

  @ArchTest
  static final ArchRule NATIVE_CODE_STAYS_IN_NATIVE_BINDINGS =
      noClasses()
          .that()
          .resideOutsideOfPackage(ROOT + "nativebindings..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("org.bytedeco..")
          .because(
              "only native-bindings may import org.bytedeco: put the native call into an owner class there and call that");

  @ArchTest static final ArchRule NATIVE_BINDINGS = only("nativebindings", "nativebindings");
  @ArchTest static final ArchRule BASE = only("base", "base");
  @ArchTest static final ArchRule GRAPH = only("graph", "graph");
  @ArchTest static final ArchRule MODELS = only("models", "models", "graph");
  @ArchTest static final ArchRule WEIGHTS = only("weights", "weights", "graph");
  @ArchTest static final ArchRule DATA = only("data", "data", "nativebindings");
  @ArchTest static final ArchRule METRICS = only("metrics", "metrics");

  @ArchTest static final ArchRule BACKENDS = only("backend", "backend", "graph", "nativebindings");

  @ArchTest static final ArchRule ENGINE = only("engine", "engine", "backend", "graph");

  @ArchTest
  static final ArchRule BENCH = only("bench", "bench", "engine", "backend", "models", "graph");

  @ArchTest
  static final ArchRule TRAIN =
      only("train", "train", "engine", "backend", "data", "weights", "metrics", "models", "graph");

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
              "ImageIO's own streams write to the temporary folder and register a shutdown hook, which fails after Ctrl-C;"
                  + " use base.Png, or streams in memory");

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
