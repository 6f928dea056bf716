package org.jresnet.backend.gpu;

import java.util.Optional;

/**
 * A way to compute a part of an op where there are several.
 *
 * @param part what is computed, with its extents in one line
 * @param name of the way
 * @param choice the engine; empty where cuDNN has none
 * @param refusal cuDNN's reason to have none; empty where it has one
 * @param milliseconds measured on the device, all kernels together; NaN if it was not
 * @param chosen whether it computes
 */
public record Form(
    String part,
    String name,
    Optional<Choice> choice,
    Optional<String> refusal,
    double milliseconds,
    boolean chosen) {}
