package org.jresnet.inspect.lab;

import java.nio.file.Path;

/**
 * How large the experiments are.
 *
 * @param data what variants are trained on
 * @param images most images that are looked at
 * @param batch images per pass
 * @param epochs of a variant's training
 * @param seed of everything that is drawn
 * @param threads that decode images
 */
public record LabSettings(Path data, int images, int batch, int epochs, long seed, int threads) {}
