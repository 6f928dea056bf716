package org.jresnet.check;

import java.util.Map;

/**
 * What a step computes inside, by the names of nodes and parameters; activations are NHWC.
 *
 * @param outputs of nodes
 * @param gradients of the loss by the outputs of nodes
 * @param parameterGradients of the loss by the parameters
 * @param statistics running statistics after the step
 */
public record StepTensors(
    Map<String, float[]> outputs,
    Map<String, float[]> gradients,
    Map<String, float[]> parameterGradients,
    Map<String, float[]> statistics) {}
