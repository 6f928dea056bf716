package org.jresnet.export.box;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jresnet.base.Json;
import org.jresnet.base.JsonField;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/**
 * What lies in a box; {@code manifest.json}.
 *
 * @param format of this file
 * @param jresnet version that made the box
 * @param made when, in UTC
 * @param target name of the machine it is for
 * @param needs of that machine, for people
 * @param provenance where the model comes from
 * @param golden what proves the box
 * @param models the models in their forms
 * @param files SHA-256 of every other file, by path within the box
 */
public record BoxManifest(
    int format,
    String jresnet,
    String made,
    String target,
    String needs,
    Provenance provenance,
    Golden golden,
    List<BoxModel> models,
    Map<String, String> files) {
  /** Name within the box. */
  public static final String FILE = "manifest.json";

  static final int FORMAT = 1;

  /**
   * Where the model comes from.
   *
   * @param network such as {@code resnet50}
   * @param source the run or file that it was taken from, as it was named
   * @param sourceHash SHA-256 of its weights
   * @param startedFrom SHA-256 of the weights that training started from; empty if unknown, or none
   * @param data SHA-256 over names and labels of the images of the run; empty if unknown
   * @param licence of jresnet, and what is known of the weights
   */
  public record Provenance(
      String network,
      String source,
      String sourceHash,
      String startedFrom,
      String data,
      String licence) {}

  /**
   * Inputs with known outputs.
   *
   * @param pixels file of the inputs: unsigned bytes {@code [n, h, w, 3]}, red first, resized
   * @param images where they come from
   * @param measured which images the accuracies were measured on
   */
  public record Golden(String pixels, String images, String measured) {}

  /**
   * A model in a form and precision.
   *
   * @param file within the box
   * @param runner {@code jresnet}, or {@code onnx} for ONNX Runtime and OpenVINO
   * @param precision of the computation
   * @param bytes of the file
   * @param images that were measured on; 0 where int8 could not be measured
   * @param right how many of them this file gets right, as jresnet computes it; ONNX files are read
   *     back for that
   * @param same how many of them get the class that the model gives in fp32 before it was packed
   * @param logits file of the golden inputs' logits, single precision {@code [n, classes]}
   * @param tolerance largest difference from them that verify accepts
   * @param reason for that tolerance
   */
  public record BoxModel(
      String file,
      String runner,
      String precision,
      @JsonField(min = 1) long bytes,
      @JsonField(min = 0) long images,
      @JsonField(min = 0) long right,
      @JsonField(min = 0) long same,
      String logits,
      @JsonField(min = 0) double tolerance,
      String reason) {}

  /** Copies the collections. */
  public BoxManifest {
    models = List.copyOf(models);
    files = Map.copyOf(files);
  }

  /**
   * Reads the manifest of a box.
   *
   * @throws UserError when there is none, or it is damaged or of another version
   */
  public static BoxManifest of(Path box) {
    BoxManifest manifest =
        Json.read(box.resolve(FILE), "the manifest of the box", BoxManifest.class);
    if (manifest.format != FORMAT) {
      throw new UserError(
          Text.format(
              "%s has format %s, this jresnet knows %s",
              box.resolve(FILE), manifest.format, FORMAT));
    }
    return manifest;
  }
}
