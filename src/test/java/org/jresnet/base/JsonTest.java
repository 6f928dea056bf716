package org.jresnet.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class JsonTest {
  enum Kind {
    ONE,
    TWO
  }

  record Inner(@JsonField(min = 1) int batch, @JsonField(min = 0, max = 1) double share) {}

  record Outer(
      Inner options,
      List<String> names,
      List<Inner> history,
      Map<String, Float> ranges,
      Kind kind,
      boolean on,
      long seed,
      @JsonField(whenAbsent = "\"new\"") String added) {
    Outer {
      if (seed == 13) {
        throw new UserError("seed must be another, found 13");
      }
    }
  }

  private static final String GOOD =
      "{'options':{'batch':4,'share':0.5},'names':['a'],'history':[{'batch':1,'share':1}],"
          + "'ranges':{'x':1.5},'kind':'ONE','on':true,'seed':7}";

  private static Outer parse(String json) {
    return Json.parse("run.json", json.replace('\'', '"'), Outer.class);
  }

  @Test
  void whatIsWrittenIsReadBack() {
    Outer outer = parse(GOOD);
    assertThat(outer.added()).isEqualTo("new");
    assertThat(outer.history()).containsExactly(new Inner(1, 1));
    assertThat(Json.parse("run.json", Json.pretty(outer), Outer.class)).isEqualTo(outer);
    assertThat(Json.parse("run.json", Json.line(outer), Outer.class)).isEqualTo(outer);
  }

  @ParameterizedTest(name = "{0} -> {1}: {2}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'batch':4|'batch':'x'|options.batch: expected a whole number of at least 1, found \"x\"",
        "'batch':4|'batch':0|options.batch: expected a whole number of at least 1, found 0",
        "'batch':4|'batch':null|options.batch: expected a whole number of at least 1, found null",
        "'batch':4|'batch':4.0|options.batch: expected a whole number of at least 1, found 4.0",
        "'batch':4|'batch':2147483648|options.batch: expected a whole number",
        "'batch':4,|``|options.batch: expected a value, found none",
        "'batch':4|'batch':4,'batch':5|options.batch: expected the field once, found it twice",
        "'batch':4|'batch':4,'zzz':5|options.zzz: expected no such field",
        "'share':0.5|'share':2|options.share: expected a number from 0.0 to 1.0, found 2",
        "'share':0.5|'share':1e999|options.share: expected a number",
        "'share':0.5|'share':true|options.share: expected a number",
        "'seed':7|'seed':9223372036854775808|seed: expected a whole number",
        "'seed':7|'seed':13|seed must be another",
        "['a']|['a',null]|names[1]: expected a text, found null",
        "['a']|'a'|names: expected a list, found \"a\"",
        "['a']|[3]|names[0]: expected a text, found 3",
        "'batch':1|'batch':[]|history[0].batch: expected a whole number of at least 1, found a list",
        "{'x':1.5}|{'x':1e39}|ranges.x: expected a number, found 1.0E39",
        "{'x':1.5}|[]|ranges: expected an object, found a list",
        "'ONE'|'one'|kind: expected ONE or TWO, found \"one\"",
        "true|'true'|on: expected true or false, found \"true\"",
        "'seed':7}|'seed':7}null|more text after it",
        "'seed':7}|'seed':7|no valid JSON (line 1,",
        "'seed':7}|'seed':7}}|no valid JSON",
        "'seed':7|'a b':7|\"a b\": expected no such field",
      })
  void namesThePathOfWhatIsWrong(String what, String by, String message) {
    assertThat(GOOD).contains(what);
    int at = GOOD.indexOf(what);
    String json =
        GOOD.substring(0, at) + (by == null ? "" : by) + GOOD.substring(at + what.length());
    String text =
        what.equals("'seed':7") && by.startsWith("'a b'")
            ? GOOD.replace("'on'", "'a b':7,'on'")
            : json;
    assertThatThrownBy(() -> parse(text))
        .isExactlyInstanceOf(UserError.class)
        .hasMessageStartingWith("run.json")
        .hasMessageContaining(message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "null", "[]", "7", "'x'", "{}", "{", "\u0000", "{'options':{}}"})
  void refusesWhatIsNoRecord(String json) {
    assertThatThrownBy(() -> parse(json)).isExactlyInstanceOf(UserError.class);
  }

  @Test
  void boundsDepthNamesAndNumbers() {
    assertThatThrownBy(() -> parse("[".repeat(100_000))).isExactlyInstanceOf(UserError.class);
    assertThatThrownBy(() -> parse("{'" + "x".repeat(100_000) + "':1}"))
        .isExactlyInstanceOf(UserError.class);
    assertThatThrownBy(() -> parse(GOOD.replace("'seed':7", "'seed':" + "9".repeat(100_000))))
        .isExactlyInstanceOf(UserError.class);
    assertThatThrownBy(() -> parse(GOOD.replace("0.5", "1e999999999")))
        .hasMessageContaining("options.share");
  }

  @Test
  void namesDifferences() {
    Outer other = parse(GOOD.replace("'batch':4", "'batch':5").replace("'a'", "'b'"));
    assertThat(Json.differences(parse(GOOD), other))
        .containsExactly("names was [\"a\"], is [\"b\"]", "options.batch was 4, is 5");
  }
}
