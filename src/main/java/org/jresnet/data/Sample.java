package org.jresnet.data;

import java.nio.file.Path;

/**
 * One labelled image.
 *
 * @param file where it lies
 * @param id path relative to the data folder, with forward slashes; what split files and hashes use
 * @param label class index
 */
public record Sample(Path file, String id, int label) {}
