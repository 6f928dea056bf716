package org.jresnet.weights;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jresnet.base.UserError;

/**
 * Safetensors in several files, as Hugging Face's libraries save large models: {@code
 * model.safetensors.index.json} says in its {@code weight_map} which file beside it holds which
 * tensor. The files have to hold exactly that.
 */
final class ShardedSafetensors {
  /** How the names of such indexes end. */
  static final String SUFFIX = ".safetensors.index.json";

  static final String EXTENSION = ".safetensors";

  private final Path index;

  /** Tensor to file, in the index's order. */
  private final Map<String, String> places = new LinkedHashMap<>();

  private Optional<Long> totalSize = Optional.empty();

  private ShardedSafetensors(Path index) {
    this.index = index;
  }

  /**
   * The index in a folder, if there is one.
   *
   * @throws UserError when there are several
   */
  static Optional<Path> index(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> found =
          files.filter(f -> f.getFileName().toString().endsWith(SUFFIX)).sorted().toList();
      if (found.size() > 1) {
        throw new UserError(
            folder
                + " holds several models; name the index of one: "
                + FileBytes.show(found.stream().map(Path::getFileName).toList()));
      }
      return found.stream().findFirst();
    }
  }

  /**
   * Reads all tensors, in the order of the index.
   *
   * @throws UserError naming index or file, tensor and problem
   */
  static StateDict read(Path index, FileChannel channel) throws IOException {
    ShardedSafetensors sharded = new ShardedSafetensors(index);
    if (channel.size() > Limits.INDEX) {
      throw sharded.broken("it has " + channel.size() + " bytes, allowed are " + Limits.INDEX);
    }
    try (JsonParser in =
        SafetensorsHeader.parser(FileBytes.read(channel, 0, (int) channel.size()))) {
      sharded.parse(in);
    } catch (JsonProcessingException e) {
      throw sharded.broken("it is no valid JSON: " + FileBytes.show(e.getOriginalMessage()));
    } catch (CharacterCodingException e) {
      throw sharded.broken("it is no UTF-8 text");
    }
    return sharded.shards();
  }

  private void parse(JsonParser in) throws IOException {
    if (in.nextToken() != JsonToken.START_OBJECT) {
      throw broken("it is no JSON object");
    }
    while (in.nextToken() != JsonToken.END_OBJECT) {
      String field = in.currentName();
      JsonToken value = in.nextToken();
      if (field.equals("weight_map") && value == JsonToken.START_OBJECT) {
        weightMap(in);
      } else if (field.equals("metadata") && value == JsonToken.START_OBJECT) {
        metadata(in);
      } else {
        in.skipChildren();
      }
    }
    if (places.isEmpty()) {
      throw broken("its weight_map is missing or empty");
    }
  }

  private void metadata(JsonParser in) throws IOException {
    while (in.nextToken() != JsonToken.END_OBJECT) {
      String field = in.currentName();
      JsonToken value = in.nextToken();
      if (field.equals("total_size")
          && value == JsonToken.VALUE_NUMBER_INT
          && in.getNumberType() != JsonParser.NumberType.BIG_INTEGER) {
        totalSize = Optional.of(in.getLongValue());
      }
      in.skipChildren();
    }
  }

  private void weightMap(JsonParser in) throws IOException {
    while (in.nextToken() != JsonToken.END_OBJECT) {
      String tensor = in.currentName();
      TensorNames.check(tensor)
          .ifPresent(
              problem -> {
                throw broken(problem);
              });
      if (places.size() == Limits.TENSORS) {
        throw broken("it lists more than " + Limits.TENSORS + " tensors");
      }
      String file = in.nextToken() == JsonToken.VALUE_STRING ? in.getText() : "";
      if (!file.endsWith(EXTENSION)
          || file.length() > Limits.NAME
          || !file.matches("[^/\\\\\\p{Cntrl}]+")) {
        throw broken(
            "it places "
                + FileBytes.show(tensor)
                + " in '"
                + FileBytes.show(file)
                + "', expected the name of a "
                + EXTENSION
                + " file beside it");
      }
      places.put(tensor, file);
    }
  }

  private StateDict shards() throws IOException {
    Map<String, Set<String>> expected = new TreeMap<>();
    places.forEach(
        (tensor, file) -> expected.computeIfAbsent(file, f -> new LinkedHashSet<>()).add(tensor));
    List<String> missing =
        expected.keySet().stream().filter(f -> !Files.isRegularFile(beside(f))).toList();
    if (!missing.isEmpty()) {
      throw broken(
          "of its "
              + expected.size()
              + " files these are missing: "
              + FileBytes.show(missing)
              + "; get them again");
    }
    Map<String, HostTensor> found = new LinkedHashMap<>();
    Map<String, String> metadata = null;
    for (var e : expected.entrySet()) {
      StateDict shard = shard(beside(e.getKey()), e.getValue());
      found.putAll(shard.tensors());
      if (metadata == null) {
        metadata = new LinkedHashMap<>(shard.metadata());
      } else {
        metadata.entrySet().retainAll(shard.metadata().entrySet());
      }
    }
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    places.keySet().forEach(name -> tensors.put(name, found.get(name)));
    List<String> notes = new ArrayList<>();
    long bytes = tensors.values().stream().mapToLong(t -> t.data().remaining()).sum();
    totalSize
        .filter(size -> size != bytes)
        .ifPresent(
            size ->
                notes.add(
                    "the index says that its tensors have " + size + " bytes, they have " + bytes));
    return new StateDict(tensors, metadata, notes);
  }

  private Path beside(String file) {
    return index.resolveSibling(file);
  }

  private StateDict shard(Path file, Set<String> expected) throws IOException {
    try (FileChannel channel = FileChannel.open(file)) {
      StateDict shard = Safetensors.read(file, channel);
      Set<String> missing = new LinkedHashSet<>(expected);
      missing.removeAll(shard.tensors().keySet());
      Set<String> unexpected = new LinkedHashSet<>(shard.tensors().keySet());
      unexpected.removeAll(expected);
      if (!missing.isEmpty() || !unexpected.isEmpty()) {
        throw broken(
            file.getFileName()
                + " is not what the index describes"
                + (missing.isEmpty() ? "" : "; it lacks " + FileBytes.show(missing))
                + (unexpected.isEmpty()
                    ? ""
                    : "; it has, against the index, " + FileBytes.show(unexpected))
                + "; get both again");
      }
      return shard;
    }
  }

  private UserError broken(String problem) {
    return new UserError(index + " is not a valid index of safetensors files: " + problem);
  }
}
