package org.jresnet.base;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CsvTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "=HYPERLINK(\"http://x\",\"y\")",
        "-cmd|' /C calc'!A0",
        "-",
        "+",
        "-3.5.jpg",
        "--3"
      })
  void noCellIsAFormula(String name) {
    String line = Csv.line(List.of(name, "x"));
    assertThat(line.startsWith("\"") ? line.substring(1) : line).startsWith("'");
  }

  @ParameterizedTest
  @ValueSource(strings = {"-3.5", "+3", "-1e-8", "0.25", "-.5", "7.", "-3E+10"})
  void numbersStayNumbers(String number) {
    assertThat(Csv.line(List.of(number))).isEqualTo(number);
  }

  @Test
  void quotesWhereOneOfTheSeparatorsOccurs() {
    assertThat(Csv.line(List.of("a,b", "a;b", "a\tb", "a\"b", "a\nb", "a b", "it's")))
        .isEqualTo("\"a,b\",\"a;b\",\"a\tb\",\"a\"\"b\",\"a\nb\",a b,it's");
  }

  @Test
  void everyNameIsReadBack() {
    Random random = new Random(5);
    String alphabet = "=+-@\t\r\n'\",;a1. é\u202e\u001b";
    List<List<String>> records = new ArrayList<>();
    records.add(List.of("'", "''", "'=", "''=", "'a", "'''@", "=", "'-3", "-3"));
    for (int i = 0; i < 20_000; i++) {
      List<String> record = new ArrayList<>(List.of("x"));
      for (int f = 0; f < 3; f++) {
        StringBuilder field = new StringBuilder();
        for (int k = random.nextInt(6); k > 0; k--) {
          field.append(alphabet.charAt(random.nextInt(alphabet.length())));
        }
        record.add(field.toString());
      }
      records.add(record);
    }
    Path file = folder.resolve("names.csv");
    Csv.write(file, records);
    assertThat(Csv.read(file)).isEqualTo(records);
    assertThat(folder).isDirectoryNotContaining("glob:**.tmp");
  }

  @Test
  void filesWrittenByHandAreReadAsTheyAre() throws Exception {
    Path file = Files.writeString(folder.resolve("hand.csv"), "'tis,'90s,=x\r\n");
    assertThat(Csv.read(file)).containsExactly(List.of("'tis", "'90s", "=x"));
  }
}
