package org.jresnet.inspect.exercise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import org.jresnet.base.UserError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a learner may write, right and wrong, and what is said of it. */
final class ExerciseTest {
  private static final Duration LIMIT = Duration.ofMinutes(5);
  private static final Path SOLUTIONS =
      Path.of("src/test/resources/org/jresnet/inspect/exercise/solutions");

  private static final String PLAIN_TWICE =
      """
      public class Fast {
        static void forward(float[] x, float[] w, float[] y, int images, int rows, int columns,
            int channels, int filters) {
          once(x, w, new float[y.length], images, rows, columns, channels, filters);
          once(x, w, y, images, rows, columns, channels, filters);
        }

        static void once(float[] x, float[] w, float[] y, int images, int rows, int columns,
            int channels, int filters) {
          for (int n = 0; n < images; n++) {
            for (int p = 0; p < rows; p++) {
              for (int q = 0; q < columns; q++) {
                for (int k = 0; k < filters; k++) {
                  for (int c = 0; c < channels; c++) {
                    for (int tap = 0; tap < 9; tap++) {
                      int h = p + tap / 3 - 1;
                      int v = q + tap % 3 - 1;
                      if (h >= 0 && h < rows && v >= 0 && v < columns) {
                        y[((n * rows + p) * columns + q) * filters + k] +=
                            x[((n * rows + h) * columns + v) * channels + c]
                                * w[(k * channels + c) * 9 + tap];
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }
      """;

  @TempDir Path folder;

  private static Stream<Exercise> exercises() {
    assertThat(Exercise.all()).isNotEmpty();
    return Exercise.all().stream();
  }

  private Grade grade(Exercise exercise, String source) {
    return grade(exercise, source, LIMIT);
  }

  private Grade grade(Exercise exercise, String source, Duration limit) {
    Path file = folder.resolve(exercise.file());
    try {
      Files.writeString(file, source);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return Grader.grade(exercise, file, limit);
  }

  private static String solution(String exercise) {
    try {
      return Files.readString(SOLUTIONS.resolve(Exercise.of(exercise).file()));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** The solution with an edit, which must be possible. */
  private static String solution(String exercise, String replace, String by) {
    String text = solution(exercise);
    assertThat(text).contains(replace);
    return text.replace(replace, by);
  }

  private static Grade.Check firstWrong(Grade grade) {
    return grade.checks().stream().filter(c -> !c.passed()).findFirst().orElseThrow();
  }

  @ParameterizedTest
  @MethodSource("exercises")
  void theSolutionPasses(Exercise exercise) {
    Grade grade = grade(exercise, solution(exercise.id()));
    assertThat(grade.checks()).allMatch(Grade.Check::passed).hasSize(grade.tests());
    assertThat(grade.passed()).isTrue();
    assertThat(grade.remarks()).isNotEmpty();
  }

  @ParameterizedTest
  @MethodSource("exercises")
  void theStubCompilesAndIsNotWrittenYet(Exercise exercise) {
    Grade grade = grade(exercise, exercise.stub());
    assertThat(grade.points()).isZero();
    assertThat(grade.passed()).isFalse();
    assertThat(grade.checks())
        .isNotEmpty()
        .allSatisfy(c -> assertThat(c.problem().orElseThrow()).endsWith("is not written yet"));
    assertThat(exercise.stub()).contains("docs/course/" + exercise.lesson());
  }

  /** Exercise, what is replaced in its solution, by what, and what the hint says. */
  private static Stream<Arguments> mistakes() {
    String window = "p * stride + r - padding";
    return Stream.of(
        Arguments.of(
            "conv", window, "p + r - padding", "starts at input row p*stride - padding (columns"),
        Arguments.of("conv", "q * stride", "q", "the stride does nothing"),
        Arguments.of("conv", "- padding;", ";", "the padding does nothing"),
        Arguments.of("conv", "- padding;", "+ padding;", "the padding has the wrong sign"),
        Arguments.of("conv", "- padding;", "- padding + 1;", "one place too far down, and so"),
        Arguments.of("conv", "- padding;", "- padding - 1;", "one place too far up, and so"),
        Arguments.of("conv", "y[n][p][q][k] +=", "y[n][p][q][k] =", "add with +="),
        Arguments.of("conv", "w[k][c][r][s]", "w[k][c][s][r]", "rows and columns of the filter"),
        Arguments.of(
            "conv", "w[k][c][r][s]", "w[k][c][rows-1-r][columns-1-s]", "filter is turned around"),
        Arguments.of("conv", "c < channels", "c < 1", "only the first channel counts"),
        Arguments.of(
            "norm",
            "return normalise(x, gamma, beta, mean, var, eps);",
            "for (int c = 0; c < channels; c++) var[c] *= m / (m - 1);"
                + " return normalise(x, gamma, beta, mean, var, eps);",
            "x is normalised with the unbiased variance"),
        Arguments.of(
            "norm", "Math.sqrt(var[c] + eps)", "(Math.sqrt(var[c]) + eps)", "eps stands outside"),
        Arguments.of("norm", "Math.sqrt(var[c] + eps)", "(var[c] + eps)", "the root is missing"),
        Arguments.of("norm", " + beta[c]", "", "beta is missing"),
        Arguments.of(
            "norm", "beta, mean, var", "beta, runningMean, runningVar", "the running statistics"),
        Arguments.of("norm", "var[c] * m / (m - 1)", "var[c]", "takes the biased variance"),
        Arguments.of(
            "norm",
            "(1 - momentum) * runningMean[c] + momentum",
            "momentum * runningMean[c] + (1 - momentum)",
            "momentum is the share of the new value"),
        Arguments.of("residual", "a + b", "a", "the shortcut is missing"),
        Arguments.of("residual", "return dy;", "return each(dy, dy, (a, b) -> a / 2);", "halved"),
        Arguments.of("residual", "out > 0 ? d : 0", "d", "dy passes everywhere"),
        Arguments.of("residual", "out > 0", "out <= 0", "the other way round"),
        Arguments.of("residual", "Math.max(a, 0)", "Math.abs(a)", "become 0, not -x"),
        Arguments.of("backward", " * stride", "", "the stride does nothing"),
        Arguments.of("backward", "- padding;", "+ padding;", "the padding has the wrong sign"),
        Arguments.of(
            "backward",
            "+= dy[n][p][q][k] * x",
            "+= 1.0 / dy.length * dy[n][p][q][k] * x",
            "averaged"),
        Arguments.of("backward", " - sum / m", "", "the term of the mean is missing"),
        Arguments.of("backward", " - hat * withHat / m", "", "the term of the variance is missing"),
        Arguments.of("backward", " - sum / m - hat * withHat / m", "", "count as constants"),
        Arguments.of("adam", "double mhat = m[i] / (1", "double mhat = m[i] + 0 * (1", "m is not"),
        Arguments.of("adam", "double vhat = v[i] / (1", "double vhat = v[i] + 0 * (1", "v is not"),
        Arguments.of("adam", " / (1 - Math", " + 0 * (1 - Math", "bias correction is missing"),
        Arguments.of(
            "adam",
            "(Math.sqrt(vhat) + eps)",
            "Math.sqrt(vhat + eps)",
            "eps stands under the root"),
        Arguments.of(
            "adam", "beta1 * m[i] + (1 - beta1) * g", "(1 - beta1) * m[i] + beta1 * g", "beta1 is"),
        Arguments.of("adam", "* g[i] * g[i]", "* g[i]", "squares of the gradient"),
        Arguments.of("adam", "p[i] -=", "p[i] +=", "uphill"),
        Arguments.of("metrics", "won += 0.5", "won += 0", "here they count nothing"),
        Arguments.of("metrics", "scores[i] > scores[j]", "scores[i] >= scores[j]", "count whole"),
        Arguments.of(
            "metrics",
            "positive[i] && !positive[j]",
            "positive[j] && !positive[i]",
            "the classes are exchanged"),
        Arguments.of("metrics", "Math.abs(g)", "g", "opposite signs cancel"),
        Arguments.of(
            "metrics",
            "Math.min(bins, (int) Math.ceil(confidence[i] * bins)) - 1",
            "Math.min(bins - 1, (int) (confidence[i] * bins))",
            "belongs below it"),
        Arguments.of("gradcam", "Math.max(0, sum)", "sum", "negative sums stay"),
        Arguments.of("gradcam", "place[k] / (rows * columns)", "place[k]", "average them"),
        Arguments.of(
            "gradcam", "weights[k] * features", "gradients[h][w][k] * features", "its own weight"),
        Arguments.of("gradcam", "weights[k] * features", "features", "counts the same"),
        Arguments.of(
            "gradcam",
            "sum += weights[k] * features[h][w][k]",
            "sum += Math.max(0, weights[k] * features[h][w][k])",
            "before the sum"),
        Arguments.of("fast", "tap / 3 - 1", "tap / 3", "the padding does nothing"));
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void aTypicalMistakeIsRecognised(String exercise, String replace, String by, String hint) {
    Grade grade = grade(Exercise.of(exercise), solution(exercise, replace, by));
    assertThat(grade.passed()).isFalse();
    assertThat(grade.checks())
        .filteredOn(c -> !c.passed())
        .isNotEmpty()
        .anySatisfy(c -> assertThat(c.hint().orElse("none")).contains(hint));
  }

  @Test
  void theFirstWrongValueIsNamed() {
    Grade.Check wrong =
        firstWrong(
            grade(
                Exercise.of("conv"),
                solution("conv", "return y;", "y[0][1][2][0] += 1; return y;")));
    assertThat(wrong.problem().orElseThrow())
        .matches("x of 1x3x3x1: y\\[n=0 p=1 q=2 k=0] should be (-?\\d+), is -?\\d+ \\(1 of 9.*");
    assertThat(wrong.hint()).isEmpty();
  }

  /** Right and no faster than what it is compared with: the sums of plain loops, twice. */
  @Test
  void slowCodeIsRightButNotFast() {
    Grade grade = grade(Exercise.of("fast"), PLAIN_TWICE);
    assertThat(grade.points()).isEqualTo(grade.tests() - 1);
    Grade.Check wrong = firstWrong(grade);
    assertThat(wrong.problem().orElseThrow())
        .matches("plain loops .* ms: 0\\.\\d times as fast, .*");
    assertThat(wrong.hint().orElseThrow()).contains("which loop is innermost");
  }

  /** A right op in a single call, and a wrong one where the network first uses a larger image. */
  @Test
  void aMistakeThatOnlyTheNetworkShowsIsNamedByItsNode() {
    Grade grade =
        grade(
            Exercise.of("conv"),
            solution("conv", "return y;", "if (w.length == 16) y[3][1][2][0] = 0; return y;"));
    assertThat(grade.points()).isEqualTo(grade.tests() - 1);
    Grade.Check wrong = firstWrong(grade);
    assertThat(wrong.name()).startsWith("resnet50 with 8 channels in the stem");
    assertThat(wrong.problem().orElseThrow())
        .startsWith("layer2.0.conv1: y[n=3 p=1 q=2 k=0] should be ");
  }

  @Test
  void anExceptionIsNamedWithItsLine() {
    Grade.Check wrong =
        firstWrong(grade(Exercise.of("conv"), solution("conv", "i >= 0 && i < height", "i >= -1")));
    assertThat(wrong.problem().orElseThrow())
        .matches(
            "forward threw ArrayIndexOutOfBoundsException: Index -1 out of bounds for length \\d,"
                + " at Conv.java:22");
    assertThat(wrong.hint().orElseThrow()).contains("outside of the tensor");
  }

  @Test
  void wrongShapesAndNothingAreNamed() {
    Grade.Check wrong =
        firstWrong(
            grade(
                Exercise.of("conv"),
                solution("conv", "int outRows = (height", "int outRows = 1 + (height")));
    assertThat(wrong.problem())
        .hasValue("x of 1x3x3x1: y[0] has length 4, expected 3: an array [3] [3] [1]");
    wrong =
        firstWrong(
            grade(
                Exercise.of("conv"),
                solution("conv", "return y;", "return new double[x.length][1][1][w.length];")));
    assertThat(wrong.problem())
        .hasValue("x of 1x3x3x1: y[0] has length 1, expected 3: an array [3] [3] [1]");
    wrong = firstWrong(grade(Exercise.of("conv"), solution("conv", "return y;", "return null;")));
    assertThat(wrong.problem())
        .hasValue("x of 1x3x3x1: y is null, expected an array [1] [3] [3] [1]");
  }

  @Test
  void nanIsWrong() {
    Grade.Check wrong =
        firstWrong(grade(Exercise.of("conv"), solution("conv", "+= x[n]", "+= 0.0 / 0 + x[n]")));
    assertThat(wrong.problem().orElseThrow()).contains("is NaN");
    assertThat(wrong.hint().orElseThrow()).contains("NaN comes from 0/0");
  }

  /** The loop sleeps and can be interrupted, so that it does not outlive the test. */
  @Test
  void whatDoesNotEndIsEndedAndNamedWithItsLine() {
    String endless =
        solution(
            "conv",
            "return y;",
            "try { while (true) { Thread.sleep(10); } } catch (InterruptedException e) {"
                + " throw new IllegalStateException(e); }");
    Grade grade = grade(Exercise.of("conv"), endless, Duration.ofSeconds(2));
    assertThat(grade.checks()).hasSize(1);
    Grade.Check wrong = firstWrong(grade);
    assertThat(wrong.problem()).hasValue("not done after 2 s, now at Conv.java:31");
    assertThat(wrong.hint().orElseThrow()).contains("does a loop never end?");
  }

  @Test
  void whatDoesNotCompileIsNamedWithItsLine() {
    Grade grade = grade(Exercise.of("conv"), solution("conv", "return y;", "return z;"));
    assertThat(grade.checks()).hasSize(1);
    assertThat(grade.points()).isZero();
    assertThat(grade.checks().get(0).hint().orElseThrow())
        .startsWith("Conv.java:31: cannot find symbol");
  }

  @Test
  void anotherClassOrMethodIsNamed() {
    assertThat(firstWrong(grade(Exercise.of("conv"), "class Other {}")).problem().orElseThrow())
        .isEqualTo(
            "Conv.java has no class Conv; it has [Other]. Declare no package, and keep the name");
    assertThat(
            firstWrong(grade(Exercise.of("conv"), solution("conv", "forward", "forwards")))
                .problem())
        .hasValue(
            "Conv.java has no method forward(double[][][][], double[][][][], int, int); keep what"
                + " the stub declares");
    assertThat(
            firstWrong(
                    grade(
                        Exercise.of("conv"),
                        solution(
                            "conv", "static double[][][][] forward", "double[][][][] forward")))
                .problem())
        .hasValue("forward must be static");
  }

  @Test
  void anUnknownExerciseIsRefused() {
    assertThatThrownBy(() -> Exercise.of("cnov"))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith("unknown exercise 'cnov'; known: conv");
  }

  @Test
  void aFileThatIsNotThereIsRefused() {
    Exercise exercise = Exercise.of("conv");
    Path missing = folder.resolve("none").resolve(exercise.file());
    assertThatThrownBy(() -> Grader.grade(exercise, missing, LIMIT))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("Conv.java");
  }
}
