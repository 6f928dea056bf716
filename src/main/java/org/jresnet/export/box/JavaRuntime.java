package org.jresnet.export.box;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.base.Version;

/** Java and this program, as files that run on a machine without either. */
final class JavaRuntime {
  /** What classification needs; ImageIO is in java.desktop. */
  private static final List<String> MODULES =
      List.of(
          "java.base",
          "java.desktop",
          "java.logging",
          "java.management",
          "jdk.management",
          "jdk.unsupported");

  /** Libraries that a box needs, by the start of their names. */
  private static final List<String> LIBRARIES =
      List.of(
          "javacpp-",
          "opencl-",
          "dnnl-",
          "commons-imaging-",
          "commons-lang3-",
          "commons-io-",
          "imageio-",
          "common-",
          "webp-imageio-",
          "picocli-",
          "jackson-",
          "progressbar-",
          "jline-",
          "slf4j-");

  /** Of the runtime, and only for windows on a screen. */
  private static final Set<String> SCREEN =
      Set.of("libawt_xawt.so", "libjawt.so", "libsplashscreen.so", "libjsound.so");

  private static final Pattern NEEDED = Pattern.compile("\\s(\\S+) => (\\S+|not found)");

  /** Of the C library and of C++. */
  private static final Pattern EVERYWHERE =
      Pattern.compile(
          "(libc|libm|libdl|libpthread|librt|libstdc\\+\\+|libgcc_s|ld-linux.*)\\.so.*");

  private JavaRuntime() {}

  /**
   * Links a Java runtime of what classification needs.
   *
   * @return libraries that it takes from the system, which another machine may lack
   * @throws UserError when this Java cannot
   */
  static Set<String> link(Path folder) {
    ToolProvider jlink =
        ToolProvider.findFirst("jlink")
            .orElseThrow(
                () ->
                    new UserError(
                        Text.format(
                            "the Java in %s has no jlink, which makes the runtime of a box. Start"
                                + " jresnet with a JDK (JAVA_HOME), or leave the runtime out with"
                                + " --no-runtime",
                            System.getProperty("java.home"))));
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8);
    // Not compressed: the archive around it does that better.
    int code =
        jlink.run(
            out,
            out,
            "--add-modules",
            String.join(",", MODULES),
            "--strip-debug",
            "--no-header-files",
            "--no-man-pages",
            "--output",
            folder.toString());
    if (code != 0) {
      throw new UserError(
          Text.format(
              "jlink of %s cannot make the runtime of the box: %s. Try another JDK (JAVA_HOME), or"
                  + " leave the runtime out with --no-runtime",
              System.getProperty("java.home"), said.toString(StandardCharsets.UTF_8).strip()));
    }
    return foreign(folder.resolve("lib"));
  }

  /** Shared libraries outside of a runtime that those within it ask for. */
  private static Set<String> foreign(Path lib) {
    Set<String> names = new TreeSet<>();
    try (Stream<Path> files = Files.walk(lib)) {
      Set<String> own = new TreeSet<>();
      List<Path> libraries = files.filter(f -> f.toString().endsWith(".so")).toList();
      libraries.forEach(f -> own.add(f.getFileName().toString()));
      for (Path library : libraries) {
        if (SCREEN.contains(library.getFileName().toString())) {
          continue;
        }
        Process ldd =
            new ProcessBuilder("ldd", library.toString()).redirectErrorStream(true).start();
        String text = new String(ldd.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        for (Matcher m = NEEDED.matcher(text); m.find(); ) {
          String name = m.group(1);
          if (!own.contains(name) && !EVERYWHERE.matcher(name).matches()) {
            names.add(name);
          }
        }
      }
    } catch (IOException e) {
      throw new UserError(
          Text.format("the libraries of the runtime cannot be listed with ldd: %s", e.getMessage()),
          e);
    }
    return names;
  }

  /** Copies the jar of this program and the libraries that a box needs. */
  static void program(Path app) throws IOException {
    Files.createDirectories(app);
    Path own = own();
    if (Files.isDirectory(own)) {
      jar(own, app.resolve("jresnet.jar"));
    } else {
      Files.copy(own, app.resolve("jresnet.jar"));
    }
    for (Path library : libraries(own)) {
      String name = library.getFileName().toString();
      if (LIBRARIES.stream().anyMatch(name::startsWith) && !name.endsWith("-tests.jar")) {
        stored(library, app.resolve(name));
      }
    }
  }

  /** The jar of this program, or the folder of its classes while it is developed. */
  private static Path own() {
    try {
      return Path.of(JavaRuntime.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<Path> libraries(Path own) throws IOException {
    List<Path> all = new ArrayList<>();
    if (!Files.isDirectory(own)) {
      try (JarFile jar = new JarFile(own.toFile())) {
        String path = jar.getManifest().getMainAttributes().getValue(Attributes.Name.CLASS_PATH);
        if (path != null) {
          Arrays.stream(path.split(" ")).map(own.getParent()::resolve).forEach(all::add);
          return all;
        }
      }
    }
    String path = System.getProperty("java.class.path");
    Arrays.stream(path.split(File.pathSeparator))
        .filter(entry -> entry.endsWith(".jar"))
        .map(Path::of)
        .forEach(all::add);
    return all;
  }

  /** A jar of a folder of classes. */
  private static void jar(Path classes, Path target) throws IOException {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().put(Attributes.Name.IMPLEMENTATION_VERSION, Version.number());
    try (OutputStream file = Files.newOutputStream(target);
        java.util.jar.JarOutputStream out = new java.util.jar.JarOutputStream(file, manifest);
        Stream<Path> files = Files.walk(classes)) {
      for (Path f : (Iterable<Path>) files.filter(Files::isRegularFile).sorted()::iterator) {
        out.putNextEntry(new ZipEntry(classes.relativize(f).toString()));
        Files.copy(f, out);
      }
    }
  }

  /** Copies a jar without compression, since the archive around it compresses better. */
  private static void stored(Path jar, Path target) throws IOException {
    try (ZipInputStream in = new ZipInputStream(Files.newInputStream(jar));
        ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(target))) {
      out.setLevel(0);
      for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        // Headers and other systems' libraries are of no use in a box.
        String name = entry.getName();
        boolean idle = name.matches(".*(/include/.*|\\.dll|\\.dylib|\\.jnilib)");
        if (!idle) {
          out.putNextEntry(new ZipEntry(name));
          in.transferTo(out);
        }
      }
    }
  }
}
