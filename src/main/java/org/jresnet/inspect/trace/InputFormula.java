package org.jresnet.inspect.trace;

import org.jresnet.inspect.Recording;
import org.jresnet.weights.ModelInfo;

/** Pixels become numbers around zero. */
record InputFormula(RecordedStep step) implements Formula {
  @Override
  public Terms forward(int[] at) {
    ModelInfo info = step.recording().network();
    double pixel = step.value(Recording.INPUT, at);
    double mean = info.mean().get(at[3]);
    double std = info.std().get(at[3]);
    return new Terms(
            "y = (pixel/255 − mean) / std", "ReferenceInput.java", "y.set(i, normalization.apply(")
        .note("pixel", pixel)
        .note("mean", mean)
        .note("std", std)
        .result((pixel / 255 - mean) / std);
  }

  @Override
  public Terms backward(int input, int[] at) {
    throw new IllegalArgumentException("the image has no input");
  }
}
