package org.jresnet.train;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import org.jresnet.backend.Backend;
import org.jresnet.base.UserError;
import org.jresnet.data.Dataset;
import org.jresnet.data.Sample;
import org.jresnet.data.Split;

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
    String backend) {
  /** The record of a run that starts now. */
  static RunRecord of(TrainOptions options, Split split, String version, Backend backend) {
    List<Sample> all = new ArrayList<>(split.all());
    all.sort(Comparator.comparing(Sample::id));
    String weights = options.network().weights();
    return new RunRecord(
        options,
        split.classes(),
        new Dataset(split.classes(), all, 0).hash(),
        split.hash(),
        weights.isEmpty() ? "" : sha256(Path.of(weights)),
        version,
        System.getProperty("java.version"),
        backend.description());
  }

  private static String sha256(Path file) {
    try (var in =
        new DigestInputStream(Files.newInputStream(file), MessageDigest.getInstance("SHA-256"))) {
      in.transferTo(OutputStream.nullOutputStream());
      return HexFormat.of().formatHex(in.getMessageDigest().digest());
    } catch (NoSuchFileException e) {
      throw new UserError("the weight file " + file + " does not exist", e);
    } catch (IOException e) {
      throw new UserError("the weight file " + file + " cannot be read: " + e, e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java runtime has SHA-256", e);
    }
  }
}
