package org.jresnet.backend.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.backend.gpu.GradientSum.Way;
import org.junit.jupiter.api.Test;

/** Which way of adding a gradient is taken. */
class GradientSumTest {
  private final Map<Way, Planned> engines = new EnumMap<>(Way.class);

  private void engine(Way way, double milliseconds, boolean fallback, boolean compiled) {
    Choice choice = new Choice(way.id(), 1, 0, 1, fallback, compiled, 0, 0, milliseconds);
    engines.put(way, new Planned(null, Map.of(), null, choice));
  }

  private GradientSum sum(boolean races, boolean compiles, double addition) {
    Planner planner =
        new Planner(null, CudnnOptions.defaults(), null, new PlanWorkers(() -> null)) {
          @Override
          boolean races() {
            return races;
          }

          @Override
          boolean compiles() {
            return compiles;
          }
        };
    return new GradientSum(way -> Optional.ofNullable(engines.get(way)), planner, () -> addition);
  }

  @Test
  void theFastestIsTakenWithTheKernelsTimeIncluded() {
    engine(Way.BETA, 3, false, false);
    engine(Way.FUSED, 2.5, false, true);
    engine(Way.KERNEL, 1, false, false);
    assertThat(sum(true, true, 1).choose()).isEqualTo(Way.KERNEL);
    assertThat(sum(true, true, 1.75).choose()).isEqualTo(Way.FUSED);
    engines.remove(Way.FUSED);
    assertThat(sum(true, true, 2.5).choose()).isEqualTo(Way.BETA);
  }

  @Test
  void withoutAllTimesTheOneThatMovesLeastIsTaken() {
    engine(Way.BETA, Double.NaN, false, false);
    engine(Way.FUSED, 1, false, true);
    engine(Way.KERNEL, 1, false, false);
    assertThat(sum(true, true, 1).choose()).isEqualTo(Way.BETA);
    assertThat(sum(false, true, Double.NaN).choose()).isEqualTo(Way.BETA);
    engines.remove(Way.BETA);
    assertThat(sum(false, true, Double.NaN).choose()).isEqualTo(Way.FUSED);
    assertThat(sum(false, false, Double.NaN).choose()).as("ready at once").isEqualTo(Way.KERNEL);
  }

  @Test
  void anEngineOfLastResortIsTakenOnlyWhereThereIsNoBetterForTheGradientAlone() {
    engine(Way.BETA, Double.NaN, true, false);
    engine(Way.KERNEL, Double.NaN, false, false);
    assertThat(sum(false, true, Double.NaN).choose()).isEqualTo(Way.KERNEL);
    engine(Way.KERNEL, Double.NaN, true, false);
    assertThat(sum(false, true, Double.NaN).choose()).isEqualTo(Way.BETA);
  }

  @Test
  void formsSayWhatCannotAndWhy() {
    engine(Way.BETA, 2, false, false);
    engine(Way.KERNEL, 1, false, false);
    List<Form> forms =
        sum(true, true, 0.5).forms("a part", Way.KERNEL, way -> Optional.of("no " + way.id()));
    assertThat(forms).extracting(Form::name).containsExactly("beta", "fused", "kernel");
    assertThat(forms).extracting(Form::milliseconds).containsExactly(2.0, Double.NaN, 1.5);
    assertThat(forms.get(0).refusal()).isEmpty();
    assertThat(forms.get(1).refusal()).contains("no fused");
    assertThat(forms).extracting(Form::chosen).containsExactly(false, false, true);
  }
}
