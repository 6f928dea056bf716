package org.jresnet.backend.gpu;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Measured choices in a JSON file that people can read, one file per device and version of cuDNN. A
 * file that cannot be read is reported, left out and written anew.
 */
final class PlanCache {
  /** What is remembered of a choice. */
  record Entry(long engine, int candidate, double milliseconds) {}

  private static final Logger LOG = LoggerFactory.getLogger(PlanCache.class);
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  private final Path file;
  private final Map<String, Entry> entries = new TreeMap<>();

  /**
   * Reads the file of a device, if there is one.
   *
   * @param folder of all such files
   * @param device name of the GPU
   * @param version of cuDNN
   */
  PlanCache(Path folder, String device, String version) {
    file =
        folder.resolve(
            "plans-" + device.replaceAll("[^A-Za-z0-9]+", "-") + "-cudnn-" + version + ".json");
    if (Files.exists(file)) {
      read();
    }
  }

  Path file() {
    return file;
  }

  private void read() {
    try {
      JsonNode plans = JSON.readTree(file.toFile()).path("plans");
      if (!plans.isObject()) {
        throw new JsonProcessingException("no object 'plans'") {
          private static final long serialVersionUID = 1;
        };
      }
      for (Map.Entry<String, JsonNode> plan : plans.properties()) {
        JsonNode value = plan.getValue();
        if (!value.path("engine").isIntegralNumber()
            || !value.path("candidate").isIntegralNumber()
            || value.path("candidate").asInt() < 0) {
          throw new IOException("plan '" + plan.getKey() + "' has no engine or candidate");
        }
        entries.put(
            plan.getKey(),
            new Entry(
                value.path("engine").asLong(),
                value.path("candidate").asInt(),
                value.path("milliseconds").asDouble(Double.NaN)));
      }
    } catch (IOException e) {
      entries.clear();
      LOG.warn(
          "The plan cache {} cannot be read ({}); it is ignored and written anew",
          file,
          e.getMessage());
    }
  }

  Optional<Entry> get(String key) {
    return Optional.ofNullable(entries.get(key));
  }

  /** Remembers a choice and writes the file: timing takes minutes, and a run may be cut off. */
  void put(String key, Choice choice) {
    entries.put(key, new Entry(choice.engine(), choice.candidate(), choice.milliseconds()));
    save();
  }

  private void save() {
    ObjectNode root = JSON.createObjectNode();
    ObjectNode plans = root.putObject("plans");
    entries.forEach(
        (key, entry) -> {
          ObjectNode node = plans.putObject(key);
          node.put("engine", entry.engine());
          node.put("candidate", entry.candidate());
          node.put("milliseconds", entry.milliseconds());
        });
    try {
      CacheFile.replace(file, JSON.writeValueAsBytes(root));
    } catch (IOException e) {
      LOG.warn("The plan cache {} cannot be written: {}", file, e.getMessage());
    }
  }
}
