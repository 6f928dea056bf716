package org.jresnet.spark;

import java.io.Serializable;

/**
 * What every executor opens.
 *
 * @param model name of the model's file among those that Spark ships
 * @param sha256 of that file
 * @param precision as {@code predict --precision}
 * @param tune as {@code predict --tune}
 * @param batch images of a pass
 * @param threads that compute on an executor
 * @param operatingPoint as {@code predict --operating-point}
 * @param error as {@code predict --error}; 0 for none
 */
record Settings(
    String model,
    String sha256,
    String precision,
    String tune,
    int batch,
    int threads,
    String operatingPoint,
    double error)
    implements Serializable {}
