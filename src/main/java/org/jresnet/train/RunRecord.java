package org.jresnet.train;

import java.util.List;

/**
 * Everything needed to repeat a run; {@code run.json}.
 *
 * @param options what was asked for, with {@code auto} resolved
 * @param classes class names in label order
 * @param dataHash SHA-256 over ids and labels of all pictures
 * @param splitHash SHA-256 of {@code split.csv}
 * @param weightsHash SHA-256 of the weights that the run started from; empty for random values
 * @param jresnet version of jresnet
 * @param java version of Java
 * @param backend the backend's description: library version, instruction set, threads
 */
public record RunRecord(
    TrainOptions options,
    List<String> classes,
    String dataHash,
    String splitHash,
    String weightsHash,
    String jresnet,
    String java,
    String backend) {}
