package org.jresnet.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.base.UserError;
import org.jresnet.bench.Benchmark.Configuration;
import org.jresnet.bench.Benchmark.Work;
import org.jresnet.distributed.Communicator;
import org.jresnet.distributed.Element;
import org.jresnet.distributed.Exchange;
import org.jresnet.distributed.ForwardingRanks;
import org.jresnet.distributed.ThreadRanks;
import org.jresnet.distributed.Wire;
import org.jresnet.engine.Backends;
import org.jresnet.engine.GradientExchange.Sharing;
import org.jresnet.graph.Parameter;
import org.jresnet.models.Architecture;
import org.junit.jupiter.api.Test;

/** Steps that ranks share, timed on ranks that are threads. */
final class RankStepsTest {
  private static final Configuration SMALL =
      new Configuration(Architecture.of("resnet18"), 3, Work.TRAIN, 2, 32, Precision.FP32, 0);

  private static List<RankSteps> measure(Wire wire, UnaryOperator<Communicator> ranks) {
    return ThreadRanks.run(
        2,
        rank -> {
          try (Backend backend = Backends.open("cpu")) {
            return RankSteps.measure(
                backend, SMALL, new Sharing(ranks.apply(rank), Exchange.AUTO, wire), 3, 0);
          }
        });
  }

  @Test
  void allRanksGetTheSameFigures() {
    List<RankSteps> all = measure(Wire.BF16, ranks -> ranks);
    RankSteps one = all.get(0);
    assertThat(one.together().seconds()).hasSize(3).isEqualTo(all.get(1).together().seconds());
    assertThat(one.apart()).hasSize(3).isEqualTo(all.get(1).apart());
    assertThat(one.alone()).isPositive();
    assertThat(one.exposed()).isLessThan(one.together().median());
    for (int s = 0; s < 3; s++) {
      assertThat(one.bare()[s]).isPositive();
      assertThat(one.waited()[s]).isBetween(0.0, one.together().seconds()[s]);
    }
    // One step to compare the ranks; two that warm up and three, each with the exchange alone.
    assertThat(one.exchanges()).isEqualTo(1 + 2 * (2 + 3));
    long gradients = 0;
    long statistics = 0;
    for (Parameter p : SMALL.network().graph(3).parameters()) {
      if (p.role().trainable()) {
        gradients += p.elements();
      } else if (p.role() != Parameter.Role.BATCHES_TRACKED) {
        statistics += p.elements();
      }
    }
    assertThat(one.bytes()).isEqualTo(2 * gradients + 4 * statistics);
  }

  @Test
  void ranksThatAddUpDifferentlyAreNotTimed() {
    assertThatThrownBy(
            () ->
                measure(
                    Wire.FP32,
                    ranks ->
                        new ForwardingRanks(ranks) {
                          @Override
                          public Reduction reduction(ByteBuffer values, Element element) {
                            return then(
                                super.reduction(values, element),
                                () -> values.putFloat(0, values.getFloat(0) + rank()));
                          }
                        }))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("differ after one step; not timed");
  }
}
