package org.jresnet.base;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TextTest {
  private static final String HOSTILE =
      "\u001b[31mred\r\n\tC1 \u009b del \u007f bidi \u202e\u2066\u200f\u061c line \u2028\u2029 zero"
          + " \u200b\ufeff lone \ud800 tag \udb40\udc41";

  @Test
  void everythingShows() {
    assertThat(Text.visible("plain äöü 猫 \ud83d\ude00 50 %"))
        .isEqualTo("plain äöü 猫 \ud83d\ude00 50 %");
    assertThat(Text.visible(HOSTILE))
        .isEqualTo(
            "\\u{1b}[31mred\\u{d}\\u{a}\\u{9}C1 \\u{9b} del \\u{7f} bidi"
                + " \\u{202e}\\u{2066}\\u{200f}\\u{61c} line \\u{2028}\\u{2029} zero"
                + " \\u{200b}\\u{feff} lone \\u{d800} tag \\u{e0041}");
  }

  @Test
  void noHidingCharacterIsForgotten() {
    StringBuilder all =
        new StringBuilder("\0\u001f\u007f\u0080\u009f\u061c\u180e\u2028\u2029\ufeff");
    all.append("\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064");
    for (char c = '\u202a'; c <= '\u202e'; c++) {
      all.append(c);
    }
    for (char c = '\u2066'; c <= '\u206f'; c++) {
      all.append(c);
    }
    assertThat(Text.visible(all.toString())).matches("(\\\\u\\{[0-9a-f]+})+");
  }

  @Test
  void jsonStaysTheSameJson() throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    String text = HOSTILE.replace("\ud800", "");
    String json = Text.visibleJson(mapper.writeValueAsString(text));
    assertThat(Text.visible(json)).isEqualTo(json);
    assertThat(mapper.readValue(json, String.class)).isEqualTo(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "runs/r1",
        "my runs/it's here",
        "-rf",
        "$(touch x) `id` \"q\" \\ ! ; & | < > * ?",
        "esc \u001b[0m new\nline it's \\n \u202e",
        "äöü \ud83d\ude00"
      })
  void aShellReadsTheWordBack(String text) throws Exception {
    String word = Text.shellWord(text);
    assertThat(Text.visible(word)).isEqualTo(word);
    Process bash =
        new ProcessBuilder(List.of("bash", "-c", "printf %s " + word))
            .redirectErrorStream(true)
            .start();
    bash.getOutputStream().close();
    String read = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    // Without a UTF-8 locale bash writes \U escapes of what ASCII lacks as they are.
    assertThat(read.replace("\\u202E", "\u202e")).isEqualTo(text);
    assertThat(bash.waitFor()).isZero();
  }

  @Test
  void plainWordsStayPlain() {
    assertThat(Text.shellWord("runs/r1-2_x.y")).isEqualTo("runs/r1-2_x.y");
    assertThat(Text.shellWord("")).isEqualTo("''");
    assertThat(Text.shellWord(java.nio.file.Path.of("-rf"))).isEqualTo("./-rf");
    assertThat(Text.shellWord("a b")).isEqualTo("'a b'");
  }
}
