package org.jresnet.detect.report;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/** A Chromium of the user's, run without a window. */
public final class Browser {
  private static final List<String> NAMES =
      List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome");

  private static final long SECONDS = 120;

  private final Path program;

  private Browser(Path program) {
    this.program = program;
  }

  /** The first of the known names on the path. */
  public static Optional<Browser> ofPath() {
    return Stream.of(Optional.ofNullable(System.getenv("PATH")).orElse("").split(":"))
        .filter(folder -> !folder.isEmpty())
        .flatMap(folder -> NAMES.stream().map(name -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .findFirst()
        .map(Browser::new);
  }

  /**
   * The first of the known names on the path.
   *
   * @throws UserError when there is none
   */
  public static Browser find() {
    return ofPath()
        .orElseThrow(
            () ->
                new UserError(
                    Text.format(
                        "--pdf needs Chromium or Chrome, and none of %s is on the path; install one"
                            + " (Debian: apt install chromium), or open the HTML page in any browser"
                            + " and print it",
                        NAMES)));
  }

  /**
   * Prints a page to a PDF file.
   *
   * @throws UserError when the browser fails, with what it said
   */
  public void print(Path page, Path pdf) {
    Path folder = pdf.toAbsolutePath().getParent();
    try {
      Path unfinished = Files.createTempFile(folder, ".report", ".pdf");
      try {
        run(page, "--no-pdf-header-footer", "--print-to-pdf=" + unfinished);
        if (Files.size(unfinished) == 0) {
          throw new UserError(Text.format("%s wrote no PDF of %s", program, page));
        }
        Files.move(unfinished, pdf, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(unfinished);
      }
    } catch (IOException e) {
      throw new UserError(Text.format("%s cannot be printed to %s: %s", page, pdf, e), e);
    }
  }

  /**
   * Opens a page with options of the browser, in a profile of its own that is deleted after.
   *
   * @return what it wrote to standard output
   * @throws UserError when it fails or does not end
   */
  String run(Path page, String... options) throws IOException {
    Path profile = Files.createTempDirectory("jresnet-browser");
    Path said = profile.resolve("said");
    Path written = profile.resolve("written");
    List<String> command = new ArrayList<>();
    command.add(program.toString());
    command.addAll(
        List.of(
            "--headless=new",
            "--disable-gpu",
            "--no-first-run",
            "--user-data-dir=" + profile.resolve("profile")));
    if (System.getProperty("user.name").equals("root")) {
      // Its sandbox refuses to run as root; the page is ours and holds no script.
      command.add("--no-sandbox");
    }
    command.addAll(List.of(options));
    command.add(page.toUri().toString());
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(written.toFile())
            .redirectError(said.toFile())
            .start();
    try {
      if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
        throw new UserError(Text.format("%s did not end within %s s", program, SECONDS));
      }
      if (process.exitValue() != 0) {
        throw new UserError(
            Text.format("%s failed with exit code %s", program, process.exitValue()),
            Files.readString(said, StandardCharsets.UTF_8).lines().limit(5).toList());
      }
      return Files.readString(written, StandardCharsets.UTF_8);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UserError(Text.format("interrupted while %s was running", program), e);
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
      delete(profile);
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path p : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(p);
      }
    }
  }
}
