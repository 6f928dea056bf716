package org.jresnet.backend.gpu;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jresnet.base.UserError;

/**
 * A GPU to plan for without having it.
 *
 * @param name as NVIDIA calls it
 * @param architecture compute capability times ten: 90 for 9.0
 * @param json its properties in the form of cuDNN, which {@code jresnet doctor --json} prints for a
 *     GPU that is there
 */
public record DeviceDescription(String name, int architecture, String json) {
  /** Devices that come along; docs/gpu-devices.md says where their numbers are from. */
  public static final List<String> KNOWN = List.of("a100", "b200", "h100", "h200", "l4", "rtx4090");

  private static final String FOLDER = "/org/jresnet/nativebindings/cuda/devices/";

  /**
   * The device of a known name, or described in a JSON file.
   *
   * @throws UserError if there is neither, or the file is not such a description
   */
  public static DeviceDescription of(String nameOrFile) {
    String name = nameOrFile.toLowerCase(Locale.ROOT).replace(" ", "");
    if (KNOWN.contains(name)) {
      try (InputStream in = DeviceDescription.class.getResourceAsStream(FOLDER + name + ".json")) {
        return parse(nameOrFile, new String(in.readAllBytes(), StandardCharsets.UTF_8));
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
    Path file = Path.of(nameOrFile);
    if (!Files.exists(file)) {
      throw new UserError(
          "unknown device '"
              + nameOrFile
              + "'; known are "
              + String.join(", ", KNOWN)
              + ", or give a JSON file of device properties");
    }
    try {
      return parse(nameOrFile, Files.readString(file));
    } catch (IOException e) {
      throw new UserError("the device file " + file + " cannot be read: " + e.getMessage(), e);
    }
  }

  private static DeviceDescription parse(String source, String json) {
    try {
      JsonNode node = new ObjectMapper().readTree(json);
      if (!node.path("smVersion").isIntegralNumber() || !node.path("deviceName").isTextual()) {
        throw new UserError(
            source
                + " does not describe a GPU: expected the properties of cuDNN's device JSON, among"
                + " them smVersion and deviceName");
      }
      return new DeviceDescription(
          node.path("deviceName").textValue(), node.path("smVersion").asInt() / 10, json);
    } catch (JsonProcessingException e) {
      throw new UserError(source + " is not JSON: " + e.getOriginalMessage(), e);
    }
  }

  /** What launches depend on. */
  DeviceLimits limits() {
    try {
      return DeviceLimits.of(new ObjectMapper().readTree(json));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
