package org.jresnet.cli;

import java.util.ArrayList;
import java.util.List;
import org.jresnet.models.Architecture;
import org.jresnet.train.Training;
import picocli.CommandLine.Option;

/** The network of {@code train}. */
final class NetworkArguments {
  @Heading("Model")
  @Option(
      names = "--model",
      paramLabel = "NAME",
      defaultValue = Architecture.DEFAULT,
      completionCandidates = ModelNames.class,
      description = ModelNames.LISTED)
  private String model;

  @Option(
      names = "--width",
      paramLabel = "CHANNELS",
      description = "Channels of the stem; default: those of the published network.")
  @Within(min = 1, max = Within.SIDE)
  private Integer width;

  @Option(
      names = "--weights",
      defaultValue = "",
      paramLabel = "FILE",
      description = "Start from this .pth or .safetensors file.")
  private String weights;

  @Option(
      names = "--new-head",
      description = "Start the classifier anew even if its number of classes fits.")
  private boolean newHead;

  @Option(names = "--zero-init", description = "Start each residual block as the identity.")
  private boolean zeroInit;

  @Option(
      names = "--freeze",
      split = ",",
      paramLabel = "PATTERN",
      description = {
        "Parameters that stay as they are, such as 'conv1.*,bn1.*,layer1.*'. A batch norm with both parameters frozen uses and"
            + " keeps its running statistics."
      })
  private List<String> freeze = new ArrayList<>();

  @Option(
      names = "--checkpoint-blocks",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Save memory: forget the activations inside every N residual blocks and compute them again"
              + " in backward. The result is the same to the bit, a step takes longer. 0 keeps all.")
  @Within(min = 0, max = 1000)
  private int checkpointBlocks;

  void apply(Training training) {
    freeze.forEach(pattern -> Arguments.requireGlob("--freeze", pattern));
    Architecture network = UsageError.unlessValid(() -> Architecture.of(model));
    Arguments.graph(network, 2, width);
    training.architecture(network.id()).weights(Arguments.absolute(weights));
    training.width(width == null ? network.width() : width);
    training.freeze(freeze.toArray(String[]::new)).checkpointBlocks(checkpointBlocks);
    if (newHead) {
      training.newHead();
    }
    if (zeroInit) {
      training.zeroInit();
    }
  }
}
