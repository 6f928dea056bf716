package org.jresnet.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Set;
import org.jresnet.base.UserError;
import org.jresnet.models.Architecture;
import org.junit.jupiter.api.Test;

/** Networks made from a ResNet-18. */
class RewriteTest {
  private static final Graph OLD = Architecture.of("resnet18").graph(10);

  private static List<String> names(Graph graph) {
    return graph.nodes().stream().map(Node::name).toList();
  }

  private static List<String> inputs(Graph graph, String node) {
    return graph.node(node).inputs().stream().map(i -> graph.nodes().get(i).name()).toList();
  }

  private static Shape logits(Graph graph) {
    List<Shape> shapes = graph.shapes(2, 64, 64);
    return shapes.get(shapes.size() - 1);
  }

  @Test
  void aHeadOfOtherClassesKeepsEverythingElse() {
    Graph made = Rewrite.head(OLD, 3);
    assertThat(made.classes()).isEqualTo(3);
    assertThat(logits(made)).isEqualTo(new Shape(2, 1, 1, 3));
    assertThat(names(made)).isEqualTo(names(OLD));
    int last = OLD.nodes().size() - 1;
    assertThat(made.nodes().subList(0, last)).isEqualTo(OLD.nodes().subList(0, last));
    assertThat(made.parameterCount()).isEqualTo(OLD.parameterCount() - 7 * (512 + 1));
    assertThat(OLD.classes()).as("the old network").isEqualTo(10);
  }

  @Test
  void aHeadIsALinearLayerWithClasses() {
    assertThatThrownBy(() -> Rewrite.head(OLD, 0))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("at least 1 class, found 0");
    Graph.Builder g = Graph.builder("convolutional", 3);
    g.add("last", new Conv2d(3, 4, 1, 1, 0), 0);
    assertThatThrownBy(() -> Rewrite.head(g.build(), 2))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("the head of convolutional is last, a conv");
  }

  @Test
  void whatFollowsTheHeadStays() {
    Graph scaled = Rewrite.insertAfter(OLD, "fc", "temperature", new Scale(0.5));
    Graph made = Rewrite.head(scaled, 3);
    assertThat(made.output().name()).isEqualTo("temperature");
    assertThat(logits(made)).isEqualTo(new Shape(2, 1, 1, 3));
  }

  @Test
  void withoutItsBranchABlockIsTheShortcut() {
    String sum = addition("layer1.1");
    String shortcut = inputs(OLD, sum).get(1);
    Graph made = Rewrite.withoutBranch(OLD, sum);
    assertThat(names(made)).doesNotContain(sum, "layer1.1.conv1", "layer1.1.bn2");
    assertThat(names(made)).contains("layer1.0.conv1", "layer1.1.relu");
    assertThat(inputs(made, "layer1.1.relu")).containsExactly(shortcut);
    assertThat(logits(made)).isEqualTo(logits(OLD));
    // Two 3x3 convolutions of 64 channels and two batch norms.
    assertThat(OLD.parameterCount() - made.parameterCount()).isEqualTo(2 * (36864 + 128));
  }

  @Test
  void aBranchIsScaledBeforeItIsAdded() {
    String sum = addition("layer2.0");
    Graph made = Rewrite.scaledBranch(OLD, sum, 0.5);
    assertThat(made.node(sum + ".scale").op()).isEqualTo(new Scale(0.5));
    assertThat(inputs(made, sum + ".scale")).containsExactly(inputs(OLD, sum).get(0));
    assertThat(inputs(made, sum)).containsExactly(sum + ".scale", inputs(OLD, sum).get(1));
    assertThat(made.nodes()).hasSize(OLD.nodes().size() + 1);
    assertThat(made.parameters()).isEqualTo(OLD.parameters());
    assertThat(logits(made)).isEqualTo(logits(OLD));
    assertThatThrownBy(() -> Rewrite.scaledBranch(made, sum, 2))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("already has a node named " + sum + ".scale");
  }

  @Test
  void whatIsNoAdditionIsNamedWithThoseThatAre() {
    assertThatThrownBy(() -> Rewrite.withoutBranch(OLD, "conv1"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("conv1 is a conv, not an addition")
        .hasMessageContaining(addition("layer4.1"));
    assertThatThrownBy(() -> Rewrite.scaledBranch(OLD, "layer9", 1))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("has no node named layer9");
  }

  @Test
  void anInsertedNodeStandsBetweenANodeAndAllThatTookIt() {
    Graph made =
        Rewrite.insertAfter(OLD, "maxpool", "drop", new Dropout(0.2, Dropout.Unit.ELEMENT));
    assertThat(inputs(made, "drop")).containsExactly("maxpool");
    int maxpool = made.node("maxpool").index();
    assertThat(made.consumers(maxpool)).extracting(Node::name).containsExactly("drop");
    assertThat(made.consumers(made.node("drop").index())).hasSize(2);
    assertThat(logits(made)).isEqualTo(logits(OLD));
    Graph last = Rewrite.insertAfter(OLD, OLD.output().name(), "scaled", new Scale(2));
    assertThat(last.output().name()).isEqualTo("scaled");
  }

  @Test
  void whatCannotBeInsertedIsNamed() {
    assertThatThrownBy(() -> Rewrite.insertAfter(OLD, "nowhere", "new", new Scale(1)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("no node named nowhere");
    assertThatThrownBy(() -> Rewrite.insertAfter(OLD, "maxpool", "conv1", new Scale(1)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("already has a node named conv1");
    assertThatThrownBy(() -> Rewrite.insertAfter(OLD, "maxpool", "new", new Multiply()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("multiply takes 2");
    // Half of the channels do not fit what follows.
    assertThatThrownBy(() -> Rewrite.insertAfter(OLD, "maxpool", "new", new ChannelSlice(0, 32)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("layer1.0.conv1")
        .hasMessageContaining("64 channels");
  }

  @Test
  void nodesOfOneInputCanBeLeftOut() {
    Graph made = Rewrite.without(OLD, Set.of("relu1", "maxpool"));
    assertThat(made.nodes()).hasSize(OLD.nodes().size() - 2);
    assertThat(inputs(made, "layer1.0.conv1")).containsExactly("bn1");
    assertThat(inputs(made, addition("layer1.0"))).contains("bn1");
    for (String name : List.of(addition("layer1.0"), "fc")) {
      assertThatThrownBy(() -> Rewrite.without(OLD, Set.of(name)))
          .isInstanceOf(UserError.class)
          .hasMessageContaining(name + " cannot be removed");
    }
  }

  /** The addition at the end of a block. */
  private static String addition(String block) {
    List<String> names =
        OLD.nodes().stream()
            .filter(n -> n.op().part() == Op.Part.RESIDUAL && n.name().startsWith(block + "."))
            .map(Node::name)
            .toList();
    assertThat(names).hasSize(1);
    return names.get(0);
  }

  @Test
  void aNodeGetsAnInputOfItsOwn() {
    Graph made = Rewrite.withOwnInputs(OLD, Set.of("layer1.0.conv1"));
    Node copy = made.node("layer1.0.conv1.input");
    assertThat(copy.op()).isEqualTo(new Scale(1));
    assertThat(copy.inputs()).isEqualTo(OLD.node("layer1.0.conv1").inputs());
    assertThat(made.node("layer1.0.conv1").inputs()).containsExactly(copy.index());
    assertThat(made.parameters()).isEqualTo(OLD.parameters());
    assertThatThrownBy(() -> Rewrite.withOwnInputs(made, Set.of("layer1.0.conv1")))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("layer1.0.conv1.input");
  }

  @Test
  void theBranchIsAllThatStaysOfACutShortcut() {
    Graph cut = Rewrite.withoutShortcut(OLD, addition("layer2.0"));
    assertThat(inputs(cut, "layer2.0.relu")).containsExactly("layer2.0.bn2");
    assertThat(cut.nodes()).noneMatch(n -> n.name().startsWith("layer2.0.downsample"));
    Graph plain = OLD;
    for (Node addition : OLD.additions()) {
      plain = Rewrite.withoutShortcut(plain, addition.name());
    }
    assertThat(plain.nodes()).isEqualTo(Architecture.of("resnet18:plain").graph(10).nodes());
  }

  @Test
  void blocksThatAreBuiltAlikeChangePlaces() {
    Graph graph = Architecture.of("resnet34").graph(10, 8);
    Graph made = Rewrite.swapped(graph, "layer2.1.add", "layer2.3.add");
    assertThat(inputs(made, "layer2.3.conv1")).containsExactly("layer2.0.relu");
    assertThat(inputs(made, "layer2.1.relu")).containsExactly("layer2.3.add");
    assertThat(inputs(made, "layer2.1.conv1")).containsExactly("layer2.2.relu");
    assertThat(made.parameters()).containsExactlyInAnyOrderElementsOf(graph.parameters());
    Graph back = Rewrite.swapped(made, "layer2.1.add", "layer2.3.add");
    assertThat(back.nodes()).isEqualTo(graph.nodes());
    for (String other : List.of("layer2.0.add", "layer3.1.add")) {
      assertThatThrownBy(() -> Rewrite.swapped(graph, "layer2.1.add", other))
          .isInstanceOf(UserError.class)
          .hasMessageContaining("layer2.1")
          .hasMessageContaining("not built alike");
    }
  }

  @Test
  void aBlockIsWhatBranchAndShortcutMakeOfOneNode() {
    List<ResidualBlock> blocks = ResidualBlock.of(Architecture.of("resnet18:preact").graph(10));
    ResidualBlock projected = blocks.get(2);
    assertThat(projected.name()).isEqualTo("layer2.0");
    assertThat(projected.entry().name()).isEqualTo("layer2.0.relu1");
    assertThat(projected.shortcut())
        .extracting(Node::name)
        .containsExactly("layer2.0.downsample.0");
    assertThat(projected.branch())
        .extracting(Node::name)
        .containsExactly("layer2.0.conv1", "layer2.0.bn2", "layer2.0.relu2", "layer2.0.conv2");
    assertThat(projected.exit()).isEqualTo(projected.addition());
    ResidualBlock identity = ResidualBlock.of(OLD).get(0);
    assertThat(identity.entry().name()).isEqualTo("maxpool");
    assertThat(identity.shortcut()).isEmpty();
    assertThat(identity.exit().name()).isEqualTo("layer1.0.relu");
  }
}
