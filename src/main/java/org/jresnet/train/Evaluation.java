package org.jresnet.train;

import java.util.Map;
import java.util.Optional;
import org.jresnet.metrics.BinaryScores;
import org.jresnet.metrics.ConfusionMatrix;

/**
 * How a model does on labelled pictures.
 *
 * @param pictures number of pictures judged
 * @param loss mean cross-entropy
 * @param confusion true against predicted classes
 * @param binary threshold-free scores for two classes; class 1 is the positive one
 * @param badImages files left out, with the reason
 */
public record Evaluation(
    int pictures,
    double loss,
    ConfusionMatrix confusion,
    Optional<BinaryScores> binary,
    Map<String, String> badImages) {}
