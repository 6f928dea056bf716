package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jresnet.inspect.exercise.Exercise;
import org.junit.jupiter.api.Test;

/** What the lessons name is there: commands, options, exercises, pages. */
final class CoursePagesTest {
  private static final Path COURSE = Path.of("docs/course");
  private static final Pattern COMMAND = Pattern.compile("(?m)^ *\\./jresnet ([^|#\\n]*)");
  private static final Pattern LINK =
      Pattern.compile("\\]\\(([^)#:]+)(#[^)]*)?\\)|href=\"([^\"]+)\"");

  private static List<Path> pages() throws IOException {
    try (Stream<Path> files = Files.list(COURSE)) {
      return files.filter(f -> f.toString().endsWith(".md")).sorted().toList();
    }
  }

  private static List<MatchResult> matches(Pattern pattern, Path page) throws IOException {
    Matcher matcher = pattern.matcher(Files.readString(page));
    return matcher.results().toList();
  }

  @Test
  void everyCommandHasTheOptionsThatItIsGiven() throws IOException {
    List<String> parsed = new ArrayList<>();
    for (Path page : pages()) {
      for (MatchResult match : matches(COMMAND, page)) {
        String[] words = match.group(1).strip().split(" +");
        // Throws on an unknown command, option or value.
        Main.commandLine(new Main(), words).parseArgs(words);
        parsed.add(words[0]);
      }
    }
    assertThat(parsed)
        .contains("record", "studio", "gradcheck", "train", "evaluate", "audit", "predict")
        .hasSizeGreaterThan(25);
  }

  @Test
  void everyPageThatIsLinkedIsThere() throws IOException {
    int links = 0;
    for (Path page : pages()) {
      for (MatchResult link : matches(LINK, page)) {
        String target = link.group(1) == null ? link.group(3) : link.group(1);
        if (!target.startsWith("https")) {
          assertThat(COURSE.resolve(target)).as("%s: %s", page, target).exists();
          links++;
        }
      }
    }
    assertThat(links).isGreaterThan(25);
  }

  @Test
  void everyExerciseHasALessonThatLeadsToIt() throws IOException {
    List<String> lessons = new ArrayList<>();
    for (Exercise exercise : Exercise.all()) {
      String lesson = Files.readString(COURSE.resolve(exercise.lesson()));
      assertThat(lesson).contains("./jresnet exercise " + exercise.id());
      assertThat(Files.readString(COURSE.resolve("README.md")))
          .contains("(" + exercise.lesson() + ")", "`" + exercise.id() + "`");
      lessons.add("docs/course/" + exercise.lesson());
    }
    List<String> pages = pages().stream().map(Path::toString).toList();
    assertThat(pages).contains("docs/course/README.md").hasSize(lessons.size() + 1);
    assertThat(pages).containsAll(lessons);
    assertThat(lessons).doesNotHaveDuplicates();
  }
}
