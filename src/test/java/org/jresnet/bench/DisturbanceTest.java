package org.jresnet.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.assertj.core.data.Offset;
import org.jresnet.bench.Disturbance.Ticks;
import org.junit.jupiter.api.Test;

final class DisturbanceTest {
  private static final Offset<Double> CLOSE = Offset.offset(1e-12);

  @Test
  void readsLinuxCounters() {
    // user nice system idle iowait irq softirq steal guest guest_nice
    assertThat(Ticks.of("cpu  100 20 30 1000 50 4 6 40 7 8")).contains(new Ticks(1250, 160, 40));
    assertThat(Ticks.of("intr 1 2 3 4 5 6 7 8 9")).isEmpty();
    assertThat(Ticks.of("cpu 1 2 3")).isEmpty();
  }

  @Test
  void ownWorkIsNoDisturbance() {
    int processors = Runtime.getRuntime().availableProcessors();
    Ticks before = new Ticks(1000, 100, 10);
    Ticks after = new Ticks(2000, 700, 60);
    Disturbance quiet = Disturbance.between(before, after, 0.6 * processors, 1);
    assertThat(quiet.others()).isEqualTo(0, CLOSE);
    assertThat(quiet.stolen()).isEqualTo(0.05, CLOSE);
    Disturbance busy = Disturbance.between(before, after, 0.2 * processors, 1);
    assertThat(busy.others()).isEqualTo(0.4, CLOSE);
  }

  @Test
  void saysWhatIsUnreliableAndOnlyThen() {
    assertThat(new Disturbance(0.04, 0.01, 9, 2).warning(0.09)).isEmpty();
    assertThat(new Disturbance(0.38, 0.03, 3.25, 2).warning(0.2))
        .contains(
            "these figures are unreliable: other programs used 38 % of the 2 processors (load"
                + " average 3.3), other virtual machines took 3 % of the time, the middle half of"
                + " the steps differ by 20 %; end other programs and measure again");
    assertThat(new Disturbance(0.06, 0, 1, 2).warning(0)).isPresent();
    assertThat(new Disturbance(0, 0.03, 1, 2).warning(0)).isPresent();
    assertThat(new Disturbance(0, 0, 1, 2).warning(0.11)).isPresent();
  }

  @Test
  void anotherProgramIsSeen() throws Exception {
    assumeTrue(Files.isReadable(Path.of("/proc/stat")), "only Linux has /proc/stat");
    Process other = new ProcessBuilder("sh", "-c", "while :; do :; done").start();
    try {
      Disturbance.Watch watch = Disturbance.watch();
      Thread.sleep(1500);
      Optional<Disturbance> seen = watch.stop();
      assertThat(seen).isPresent();
      assertThat(seen.get().others()).isGreaterThan(0.3 / seen.get().processors());
    } finally {
      other.destroyForcibly().waitFor();
    }
  }
}
