package org.jresnet.detect.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jresnet.data.Augmentation;
import org.jresnet.data.ImageDecoder;
import org.jresnet.data.drawn.DrawnFaces;
import org.jresnet.detect.audit.Audit;
import org.jresnet.detect.audit.AuditFolder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real audit of a set with a planted flaw, as the page shows it. */
final class AuditSectionTest {
  @TempDir private Path folder;

  @Test
  void findingsChartsAndExamplesAreShown() throws IOException {
    Path faces = folder.resolve("faces");
    DrawnFaces.write(faces, new DrawnFaces.Options(25, 64, 1), done -> {});
    for (int i = 0; i < 25; i++) {
      Path file = faces.resolve("generated/%05d.jpg".formatted(i));
      Files.write(file, Augmentation.jpeg(ImageDecoder.decode(file), 50 + i % 10));
    }
    Path out = folder.resolve("audit");
    AuditFolder.open(out, false);
    AuditFolder.write(out, Audit.of(faces, "").run(2, done -> {}, () -> false), faces);
    Map<String, Object> model = AuditSection.of(out);
    assertThat(model.get("images")).isEqualTo(50);
    assertThat(model.get("clean")).isEqualTo(false);
    assertThat(model.get("findings").toString()).contains("may be the codec, not the face");
    assertThat((List<?>) model.get("attempts")).hasSize(3);
    assertThat(model.get("examples").toString()).startsWith("data:image/png;base64,");
    // The spectra, their difference, and what the images differ in; all have the same side.
    assertThat(((List<?>) model.get("charts")).stream().map(Object::toString))
        .hasSize(6)
        .allMatch(c -> c.contains("<svg"))
        .anyMatch(c -> c.contains("How the classes differ in JPEG quality"))
        .anyMatch(c -> c.contains("How the classes differ in bytes per pixel"))
        .noneMatch(c -> c.contains("How the classes differ in shorter side"));
  }
}
