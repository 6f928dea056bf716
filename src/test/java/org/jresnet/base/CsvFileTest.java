package org.jresnet.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A table that goes on after it was cut anywhere. */
final class CsvFileTest {
  private static final List<String> HEADER = List.of("file", "p(a,b)");
  private static final List<List<String>> ROWS =
      List.of(
          List.of("plain.jpg", "0.5"),
          List.of("with \"quotes\", commas\nand a line.jpg", "1"),
          List.of("=formula.jpg", "0"),
          List.of("ä€😀.jpg", "0.25"));

  @TempDir Path folder;

  private Path whole() {
    Path file = folder.resolve("whole.csv");
    try (CsvFile table = CsvFile.open(file, HEADER)) {
      assertThat(table.keys()).isEmpty();
      table.append(ROWS.subList(0, 2));
      table.append(ROWS.subList(2, 4));
    }
    return file;
  }

  @Test
  void whatIsWrittenIsAsOneTable() {
    assertThat(Csv.read(whole()))
        .containsExactly(HEADER, ROWS.get(0), ROWS.get(1), ROWS.get(2), ROWS.get(3));
  }

  @Test
  void onlyOneWritesAtATime() {
    Path file = folder.resolve("busy.csv");
    try (CsvFile table = CsvFile.open(file, HEADER)) {
      assertThatThrownBy(() -> CsvFile.open(file, HEADER))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("busy.csv is being written by another jresnet");
      table.append(ROWS);
    }
    assertThat(whatIsIn(file)).hasSize(ROWS.size());
  }

  private static Set<String> whatIsIn(Path file) {
    try (CsvFile table = CsvFile.open(file, HEADER)) {
      return table.keys();
    }
  }

  /** Cut after any byte, what is missing is added, and the bytes are the same in the end. */
  @Test
  void aTableThatWasCutAnywhereGoesOn() throws Exception {
    byte[] bytes = Files.readAllBytes(whole());
    int header = (Csv.line(HEADER) + "\n").getBytes(StandardCharsets.UTF_8).length;
    Path file = folder.resolve("cut.csv");
    for (int length = header; length <= bytes.length; length++) {
      Files.write(file, Arrays.copyOf(bytes, length));
      try (CsvFile table = CsvFile.open(file, HEADER)) {
        for (List<String> row : ROWS) {
          if (!table.keys().contains(row.get(0))) {
            table.append(List.of(row));
          }
        }
      }
      assertThat(Files.readAllBytes(file)).as("cut after %d bytes", length).isEqualTo(bytes);
    }
  }

  @Test
  void anotherTableIsLeftAlone() throws Exception {
    Path file = folder.resolve("other.csv");
    for (String text : List.of("file,other\nx,1\n", "file,p", "\n")) {
      Files.writeString(file, text);
      assertThatThrownBy(() -> CsvFile.open(file, HEADER))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("other.csv")
          .hasMessageContaining("name another file");
      assertThat(file).content().isEqualTo(text);
    }
    Files.writeString(file, "");
    CsvFile.open(file, HEADER).close();
    assertThat(Csv.read(file)).containsExactly(HEADER);
    assertThatThrownBy(() -> CsvFile.open(folder, HEADER))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("is a folder");
  }
}
