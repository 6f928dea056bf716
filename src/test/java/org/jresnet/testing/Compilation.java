package org.jresnet.testing;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/** Compiles source files that stand outside the project's own, with what the tests see. */
public final class Compilation {
  private Compilation() {}

  /** Fails with the compiler's complaints unless all files compile. */
  public static void require(String what, List<Path> files, Path classes, List<String> options)
      throws IOException {
    List<String> all = new ArrayList<>(options);
    all.addAll(
        List.of(
            "-proc:none", "-cp", System.getProperty("java.class.path"), "-d", classes.toString()));
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter complaints = new StringWriter();
    try (StandardJavaFileManager manager = compiler.getStandardFileManager(null, null, UTF_8)) {
      boolean compiled =
          compiler
              .getTask(
                  complaints, manager, null, all, null, manager.getJavaFileObjectsFromPaths(files))
              .call();
      assertThat(compiled).as("%s: %s", what, complaints).isTrue();
    }
  }
}
