package org.jresnet.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.assertj.core.data.Offset;
import org.jresnet.base.UserError;
import org.jresnet.bench.RankForecast.Call;
import org.jresnet.bench.RankForecast.Measured;
import org.jresnet.bench.RankForecast.Message;
import org.jresnet.bench.RankForecast.Step;
import org.jresnet.graph.Graph;
import org.jresnet.graph.Node;
import org.jresnet.models.Architecture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The model of several ranks against cases that were computed by hand. */
final class RankForecastTest {
  private static final Offset<Double> CLOSE = within(1e-12);
  private static final Path PROFILE = Path.of("docs/results/profile-train-fp32-b16.csv");

  /** A millisecond of latency, a gigabyte a second. */
  private static final Link SLOW = new Link(1e-3, 1e9);

  private static final double GAMMA = 1e-10;

  @Test
  void messagesOfAGigabyteAmongFour() {
    require(AllReduce.recursiveDoubling(4, 1e9, SLOW, GAMMA), 0.002, 2, 0.2);
    require(AllReduce.halvingAndDoubling(4, 1e9, SLOW, GAMMA), 0.004, 1.5, 0.075);
    require(AllReduce.ring(4, 1e9, SLOW, GAMMA), 0.006, 1.5, 0.075);
    require(AllReduce.tree(4, 1e9, SLOW, GAMMA), 0.004, 4, 0.2);
    // Six ranks need three rounds.
    require(AllReduce.recursiveDoubling(6, 1e9, SLOW, GAMMA), 0.003, 3, 0.3);
    require(AllReduce.ring(6, 6e8, SLOW, GAMMA), 0.010, 1, 0.05);
  }

  private static void require(AllReduce a, double latency, double transfer, double adding) {
    assertThat(a.latency()).as("latency by %s", a.algorithm()).isCloseTo(latency, CLOSE);
    assertThat(a.transfer()).as("transfer by %s", a.algorithm()).isCloseTo(transfer, CLOSE);
    assertThat(a.adding()).as("adding by %s", a.algorithm()).isCloseTo(adding, CLOSE);
    assertThat(a.seconds()).isCloseTo(latency + transfer + adding, CLOSE);
  }

  @Test
  void shortMessagesAreDoubledAndLongOnesHalved() {
    assertThat(AllReduce.best(64, 8, SLOW, GAMMA).algorithm()).isEqualTo("recursive doubling");
    assertThat(AllReduce.best(64, 1e9, SLOW, GAMMA).algorithm()).isEqualTo("halving and doubling");
  }

  /** Ten milliseconds of forward, one of backward for each node, five of the update. */
  private static Measured even(Graph graph) {
    List<Call> calls =
        new ArrayList<>(List.of(new Call("input", 0.010, 0), new Call("loss", 0, 0)));
    List<Node> nodes = new ArrayList<>(graph.nodes());
    Collections.reverse(nodes);
    nodes.stream()
        .filter(node -> !node.parameters().isEmpty())
        .forEach(node -> calls.add(new Call(node.name(), 0.001, 0)));
    calls.add(new Call("optimizer", 0.005, 0));
    return new Measured(calls, 3e9);
  }

  /**
   * ResNet-18 has 20 convolutions, 20 norms and a linear layer. The linear layer's 513,000 values
   * fill the first bucket after 11 ms; the last stage down to layer4.0.conv2 the second, after 8
   * more nodes; the rest leaves after all 41.
   */
  @Test
  void aStepOfTwoRanks() {
    RankForecast forecast = new RankForecast(graph("resnet18"), even(graph("resnet18")));
    assertThat(forecast.alone()).isCloseTo(0.056, CLOSE);
    List<Message> messages = forecast.messages();
    assertThat(messages.stream().map(Message::bytes))
        .containsExactly(2_052_000L, 28_852_224L, 15_853_824L);
    assertThat(messages.get(0).ready()).isCloseTo(0.011, CLOSE);
    assertThat(messages.get(1).ready()).isCloseTo(0.019, CLOSE);
    assertThat(messages.get(2).ready()).isCloseTo(0.051, CLOSE);
    // Two ranks send each byte once and add half of them, at a nanosecond each: 1.5 ns a byte.
    Step step = forecast.step(2, new Link(0, 1e9), 4);
    double second = 0.019 + 1.5e-9 * 28_852_224;
    double end = second + 1.5e-9 * 15_853_824;
    assertThat(second).isGreaterThan(0.051);
    assertThat(step.exchange()).isCloseTo(1.5e-9 * 46_758_048, CLOSE);
    assertThat(step.exposed()).isCloseTo(end - 0.051, CLOSE);
    assertThat(step.seconds()).isCloseTo(end + 0.005, CLOSE);
    assertThat(step.efficiency()).isCloseTo(0.056 / (end + 0.005), CLOSE);
    assertThat(step.adding()).isCloseTo(1 / 3.0, CLOSE);
    // Half the bytes: the second bucket ends before the third is there.
    Step narrow = forecast.step(2, new Link(0, 1e9), 2);
    assertThat(narrow.exposed()).isCloseTo(0.75e-9 * 15_853_824, CLOSE);
  }

  @Test
  void oneRankExchangesNothing() {
    RankForecast forecast = new RankForecast(graph("resnet18"), even(graph("resnet18")));
    Step step = forecast.step(1, SLOW, 4);
    assertThat(step.seconds()).isEqualTo(forecast.alone());
    assertThat(step.exposed()).isZero();
    assertThat(step.efficiency()).isEqualTo(1);
  }

  @Test
  void theLimitIsNamed() {
    RankForecast forecast = new RankForecast(graph("resnet18"), even(graph("resnet18")));
    assertThat(limit(forecast, new Link(0, 1e12), 4))
        .startsWith("Efficiency falls below 90 % at 2 ranks")
        .contains("adding");
    RankForecast fast =
        new RankForecast(graph("resnet18"), new Measured(even(graph("resnet18")).calls(), 1e15));
    assertThat(limit(fast, new Link(0, 1e12), 4))
        .startsWith("Efficiency stays above 90 % up to 1024 ranks");
    assertThat(limit(fast, new Link(0, 1e9), 4)).contains("at 2 ranks", "the rate of the network");
    // Of 2^k ranks the last message takes k ms, and 56 / (56 + k) is below 0.9 from k = 7 on.
    assertThat(limit(fast, new Link(1e-3, 1e12), 4))
        .contains("at 128 ranks", "the latency of its messages");
  }

  private static String limit(RankForecast forecast, Link link, int width) {
    return forecast.limit(
        RankForecast.ranksUpTo(1024).stream().map(p -> forecast.step(p, link, width)).toList(),
        0.9);
  }

  @Test
  void aProfilesFileIsRead() {
    Measured measured = Measured.read(PROFILE);
    RankForecast forecast = new RankForecast(graph("resnet50"), measured);
    assertThat(measured.bytesPerSecond()).isBetween(50e9, 60e9);
    assertThat(forecast.messages().stream().mapToLong(Message::bytes).sum())
        .isEqualTo(4 * 25_557_032L);
    assertThat(forecast.alone())
        .isCloseTo(measured.calls().stream().mapToDouble(Call::seconds).sum(), CLOSE);
    assertThat(measured.require(graph("resnet50"), 16, 224)).isSameAs(measured);
    assertThatThrownBy(() -> measured.require(graph("resnet50"), 32, 224))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("130.85 GFLOP forward, and resnet50 has 261.71 with a batch of 32");
    assertThatThrownBy(() -> measured.require(graph("resnet50"), 16, 192))
        .isInstanceOf(UserError.class);
    assertThatThrownBy(() -> new RankForecast(graph("mobilenet_v2"), measured))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("the profile has no backward call of");
  }

  @Test
  void otherFilesAreRefused(@TempDir Path folder) throws Exception {
    Path other = Files.writeString(folder.resolve("a.csv"), "a,b\n1,2\n");
    assertThatThrownBy(() -> Measured.read(other)).hasMessageContaining("is no profile");
    Path broken =
        Files.writeString(folder.resolve("b.csv"), "node,ms,flops,bytes,floor_ms\nconv1,x,0,1,1\n");
    assertThatThrownBy(() -> Measured.read(broken)).hasMessageContaining("the record [conv1, x");
    assertThatThrownBy(
            () ->
                new RankForecast(
                    graph("resnet18"), new Measured(List.of(new Call("input", 1, 0)), 1)))
        .hasMessageContaining("not one of training");
  }

  @Test
  void networksAsTheyAreWritten() {
    assertThat(Link.of("100Gbit,5us")).isEqualTo(new Link(5e-6, 12.5e9));
    assertThat(Link.of("25gbit")).isEqualTo(new Link(Link.LATENCY, 3.125e9));
    assertThat(Link.of("12.5GB,2us").bytesPerSecond()).isEqualTo(12.5e9);
    assertThat(Link.of("100Mbit,0.5ms").latency()).isCloseTo(5e-4, CLOSE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "100", "100Gbit,", "fast", "0Gbit", "100Gbit,5", "-1GB"})
  void otherNetworksAreRefused(String text) {
    assertThatThrownBy(() -> Link.of(text)).isInstanceOf(UserError.class);
  }

  private static Graph graph(String name) {
    return Architecture.of(name).graph(1000, Architecture.of(name).width());
  }
}
