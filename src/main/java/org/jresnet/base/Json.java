package org.jresnet.base;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Reads JSON that nobody vouches for into records, and writes records as JSON.
 *
 * <p>Reading is strict: a field that is unknown, missing, null, there twice, of another type or out
 * of its range ({@link JsonField}) is a {@link UserError} that names the path of the field, such as
 * {@code run.json: options.batch: expected a whole number of at least 1, found "x"}. What a
 * record's constructor refuses is reported in the same way. Components are numbers ({@code int,
 * long, float, double}), {@code boolean}, {@code String}, enums (see {@link Named}), other {@link
 * Named} classes with a constructor of the name, records, and lists and maps by name of these.
 * Nothing is converted silently, and numbers are finite.
 */
public final class Json {
  /** Longest text; a record of 100,000 file names has about 10 MB. */
  public static final int MAX_BYTES = 64 << 20;

  private static final int MAX_DEPTH = 32;
  private static final int MAX_NAME = 4096;
  private static final int SHOWN = 60;

  private static final ObjectMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MAX_DEPTH)
                          .maxNameLength(MAX_NAME)
                          .maxDocumentLength(MAX_BYTES)
                          .build())
                  .build())
          .addModule(new SimpleModule().addSerializer(Named.class, new NameSerializer()))
          .build();

  /** Writes a constant as its name, into which {@link #constant} turns it back. */
  private static final class NameSerializer extends StdSerializer<Named> {
    private static final long serialVersionUID = 1L;

    NameSerializer() {
      super(Named.class);
    }

    @Override
    public void serialize(Named value, JsonGenerator out, SerializerProvider provider)
        throws IOException {
      out.writeString(value.id());
    }
  }

  private final String source;

  private Json(String source) {
    this.source = source;
  }

  /**
   * Reads a file that holds one record.
   *
   * @param what names the kind of file in messages, such as "the record of the run"
   * @throws UserError when it is no regular file, too large, no JSON, or not such a record
   */
  public static <T extends Record> T read(Path file, String what, Class<T> type) {
    return parse(file.toString(), RegularFile.text(file, what, MAX_BYTES), type);
  }

  /**
   * Reads a record from a text.
   *
   * @param source names the text in messages
   */
  public static <T extends Record> T parse(String source, String text, Class<T> type) {
    Json json = new Json(source);
    return type.cast(json.record(json.tree(text), type, ""));
  }

  /** Reads a list from a text; elements as in a record. */
  public static <T> List<T> parseList(String source, String text, Class<T> element) {
    Json json = new Json(source);
    return json.list(json.tree(text), element, "").stream().map(element::cast).toList();
  }

  /** Reads a map by name from a text; values as in a record. */
  public static <T> Map<String, T> parseMap(String source, String text, Class<T> value) {
    Json json = new Json(source);
    Map<String, T> map = new LinkedHashMap<>();
    json.map(json.tree(text), value, "").forEach((name, v) -> map.put(name, value.cast(v)));
    return map;
  }

  /**
   * Reads a file that holds an object of whatever fields: maps, lists, texts, numbers, booleans and
   * null.
   *
   * @param what as for {@link #read}
   * @throws UserError when it is no regular file, too large, or no such object
   */
  public static Map<String, Object> object(Path file, String what) {
    Json json = new Json(file.toString());
    JsonNode root = json.tree(RegularFile.text(file, what, MAX_BYTES));
    if (!root.isObject()) {
      throw json.wrong("", "an object", root.getNodeType().toString().toLowerCase(Locale.ROOT));
    }
    return MAPPER.convertValue(root, new TypeReference<LinkedHashMap<String, Object>>() {});
  }

  /** A record as JSON, one field per line. */
  public static String pretty(Object value) {
    return write(MAPPER.writer().with(SerializationFeature.INDENT_OUTPUT), value) + "\n";
  }

  /** A record as JSON on one line. */
  public static String line(Object value) {
    return write(MAPPER.writer(), value);
  }

  private static String write(com.fasterxml.jackson.databind.ObjectWriter writer, Object value) {
    try {
      return writer.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** What differs between two records of one kind: "path was x, is y" for each such field. */
  public static List<String> differences(Record then, Record now) {
    List<String> found = new ArrayList<>();
    differ(MAPPER.valueToTree(then), MAPPER.valueToTree(now), "", found);
    return found;
  }

  private static void differ(JsonNode then, JsonNode now, String path, List<String> found) {
    if (then.isObject() && now.isObject()) {
      var names = new java.util.TreeSet<String>();
      then.fieldNames().forEachRemaining(names::add);
      now.fieldNames().forEachRemaining(names::add);
      names.forEach(n -> differ(then.path(n), now.path(n), join(path, n), found));
    } else if (!then.equals(now)) {
      found.add(path + " was " + shorten(then.toString()) + ", is " + shorten(now.toString()));
    }
  }

  private JsonNode tree(String text) {
    if (text.length() > MAX_BYTES) {
      throw wrong("", "at most " + MAX_BYTES + " characters", text.length() + " characters");
    }
    try (JsonParser in = MAPPER.createParser(text)) {
      if (in.nextToken() == null) {
        throw wrong("", "JSON", "nothing");
      }
      JsonNode root = node(in, "");
      if (in.nextToken() != null) {
        throw wrong("", "one JSON value", "more text after it");
      }
      return root;
    } catch (JsonProcessingException e) {
      var at = e.getLocation();
      throw new UserError(
          source
              + " is no valid JSON"
              + (at == null
                  ? ""
                  : " (line " + at.getLineNr() + ", column " + at.getColumnNr() + ")")
              + ": "
              // Without the place in the text, which is there already.
              + e.getOriginalMessage().replaceAll("(?s) \\((?:start marker at|Source).*", ""),
          e);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Built here and not by Jackson, because it would keep the last of two fields of one name. */
  private JsonNode node(JsonParser in, String path) throws IOException {
    if (in.currentToken() == JsonToken.START_OBJECT) {
      ObjectNode object = JsonNodeFactory.instance.objectNode();
      while (in.nextToken() != JsonToken.END_OBJECT) {
        String name = in.currentName();
        if (object.has(name)) {
          throw wrong(join(path, name), "the field once", "it twice");
        }
        in.nextToken();
        object.set(name, node(in, join(path, name)));
      }
      return object;
    } else if (in.currentToken() == JsonToken.START_ARRAY) {
      ArrayNode array = JsonNodeFactory.instance.arrayNode();
      while (in.nextToken() != JsonToken.END_ARRAY) {
        array.add(node(in, path + "[" + array.size() + "]"));
      }
      return array;
    }
    return MAPPER.readTree(in);
  }

  private Object record(JsonNode node, Class<?> type, String path) {
    if (!node.isObject()) {
      throw wrong(path, "an object", show(node));
    }
    RecordComponent[] components = type.getRecordComponents();
    Map<String, JsonNode> rest = new LinkedHashMap<>();
    node.properties().forEach(field -> rest.put(field.getKey(), field.getValue()));
    Object[] values = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      String name = components[i].getName();
      JsonField limits = components[i].getAnnotation(JsonField.class);
      JsonNode value = rest.remove(name);
      if (value == null && limits != null && !limits.whenAbsent().isEmpty()) {
        value = tree(limits.whenAbsent());
      } else if (value == null) {
        throw wrong(join(path, name), "a value", "none");
      }
      values[i] = value(value, components[i].getGenericType(), limits, join(path, name));
    }
    if (!rest.isEmpty()) {
      throw wrong(
          join(path, rest.keySet().iterator().next()),
          "no such field",
          "one; it may be of a newer jresnet");
    }
    Class<?>[] types =
        Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
    return make(type, types, values, path);
  }

  private Object make(Class<?> type, Class<?>[] types, Object[] values, String path) {
    try {
      Constructor<?> constructor = type.getDeclaredConstructor(types);
      constructor.setAccessible(true);
      return constructor.newInstance(values);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException refused) {
        throw new UserError(at(path) + refused.getMessage(), refused);
      }
      throw new IllegalStateException(e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(type + " is no class that JSON can be read into", e);
    }
  }

  private Object value(JsonNode node, Type type, JsonField limits, String path) {
    if (type instanceof ParameterizedType p) {
      Type[] arguments = p.getActualTypeArguments();
      return p.getRawType() == List.class
          ? list(node, arguments[0], path)
          : map(node, arguments[1], path);
    }
    Class<?> c = (Class<?>) type;
    if (c == String.class) {
      require(node.isTextual(), path, "a text", node);
      return node.textValue();
    } else if (c == boolean.class || c == Boolean.class) {
      require(node.isBoolean(), path, "true or false", node);
      return node.booleanValue();
    } else if (c.isEnum()) {
      return constant(node, c, path);
    } else if (c.isRecord()) {
      return record(node, c, path);
    } else if (Named.class.isAssignableFrom(c)) {
      require(node.isTextual(), path, "a name", node);
      return make(c, new Class<?>[] {String.class}, new Object[] {node.textValue()}, path);
    }
    return number(node, c, limits, path);
  }

  private Object number(JsonNode node, Class<?> c, JsonField limits, String path) {
    boolean whole = c == int.class || c == long.class || c == Integer.class || c == Long.class;
    boolean small = c == int.class || c == Integer.class;
    double min = limits == null ? Double.NEGATIVE_INFINITY : limits.min();
    double max = limits == null ? Double.POSITIVE_INFINITY : limits.max();
    double value = node.doubleValue();
    boolean fits =
        !whole
            || node.isIntegralNumber()
                && (small ? node.canConvertToInt() : node.canConvertToLong());
    if (c == float.class || c == Float.class) {
      fits = Float.isFinite((float) value);
    }
    require(
        node.isNumber() && fits && Double.isFinite(value) && value >= min && value <= max,
        path,
        (whole ? "a whole number" : "a number") + range(min, max, whole),
        node);
    if (whole) {
      return small ? (Object) node.intValue() : (Object) node.longValue();
    }
    return c == float.class || c == Float.class ? (Object) (float) value : (Object) value;
  }

  private static String range(double min, double max, boolean whole) {
    String low = whole ? Long.toString((long) min) : Double.toString(min);
    String high = whole ? Long.toString((long) max) : Double.toString(max);
    if (Double.isInfinite(min)) {
      return Double.isInfinite(max) ? "" : " of at most " + high;
    }
    return Double.isInfinite(max) ? " of at least " + low : " from " + low + " to " + high;
  }

  private Object constant(JsonNode node, Class<?> type, String path) {
    return Arrays.stream(type.getEnumConstants())
        .filter(c -> node.isTextual() && names(c).contains(node.textValue()))
        .findFirst()
        .orElseThrow(
            () ->
                wrong(
                    path,
                    Arrays.stream(type.getEnumConstants())
                        .map(c -> names(c).get(0))
                        .collect(Collectors.joining(" or ")),
                    show(node)));
  }

  /** How a constant is written, and then how it may be read, too. */
  private static List<String> names(Object constant) {
    if (constant instanceof Named named) {
      List<String> all = new ArrayList<>(List.of(named.id()));
      all.addAll(named.aliases());
      return all;
    }
    return List.of(((Enum<?>) constant).name());
  }

  private List<Object> list(JsonNode node, Type element, String path) {
    require(node.isArray(), path, "a list", node);
    List<Object> values = new ArrayList<>();
    for (JsonNode e : node) {
      values.add(value(e, element, null, path + "[" + values.size() + "]"));
    }
    return Collections.unmodifiableList(values);
  }

  private Map<String, Object> map(JsonNode node, Type type, String path) {
    require(node.isObject(), path, "an object", node);
    Map<String, Object> values = new LinkedHashMap<>();
    node.properties()
        .forEach(
            f -> values.put(f.getKey(), value(f.getValue(), type, null, join(path, f.getKey()))));
    return Collections.unmodifiableMap(values);
  }

  private void require(boolean met, String path, String expected, JsonNode found) {
    if (!met) {
      throw wrong(path, expected, show(found));
    }
  }

  private UserError wrong(String path, String expected, String found) {
    return new UserError(at(path) + "expected " + expected + ", found " + found);
  }

  private String at(String path) {
    return source + ": " + (path.isEmpty() ? "" : path + ": ");
  }

  private static String join(String path, String name) {
    String shown = name.matches("[\\w.-]{1," + SHOWN + "}") ? name : shorten(line(name));
    return path.isEmpty() ? shown : path + "." + shown;
  }

  private static String show(JsonNode node) {
    return switch (node.getNodeType()) {
      case OBJECT -> "an object";
      case ARRAY -> "a list";
      case MISSING -> "absent";
      default -> shorten(node.toString());
    };
  }

  private static String shorten(String text) {
    return text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "…";
  }
}
