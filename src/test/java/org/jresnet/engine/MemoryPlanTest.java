package org.jresnet.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class MemoryPlanTest {
  @Test
  void blocksAliveTogetherNeverOverlap() {
    SplittableRandom random = new SplittableRandom(7);
    for (int round = 0; round < 50; round++) {
      MemoryPlan plan = new MemoryPlan();
      List<MemoryPlan.Block> blocks = new ArrayList<>();
      for (int i = 0; i < 60; i++) {
        int first = random.nextInt(40);
        blocks.add(
            plan.add("b" + i, 1 + random.nextInt(10_000), first).live(first + random.nextInt(12)));
      }
      long size = plan.place();
      long peak = 0;
      for (int step = 0; step < 60; step++) {
        long alive = 0;
        for (MemoryPlan.Block b : blocks) {
          alive += b.first <= step && step <= b.last ? b.bytes : 0;
        }
        peak = Math.max(peak, alive);
      }
      assertThat(size).isGreaterThanOrEqualTo(peak).isLessThan(peak * 3 / 2);
      for (MemoryPlan.Block a : blocks) {
        assertThat(a.offset() % MemoryPlan.ALIGNMENT).isZero();
        assertThat(a.offset() + a.bytes).isLessThanOrEqualTo(size);
        for (MemoryPlan.Block b : blocks) {
          boolean together = a.first <= b.last && b.first <= a.last;
          if (a != b && together) {
            assertThat(a.offset() + a.bytes <= b.offset() || b.offset() + b.bytes <= a.offset())
                .as("%s and %s in round %d", a.name, b.name, round)
                .isTrue();
          }
        }
      }
    }
  }

  @Test
  void memoryOfTheDeadIsReused() {
    MemoryPlan plan = new MemoryPlan();
    plan.add("early", 1000, 0).live(1);
    plan.add("late", 1000, 2).live(3);
    assertThat(plan.place()).isEqualTo(1024);
  }
}
