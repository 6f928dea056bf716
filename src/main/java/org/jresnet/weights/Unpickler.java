package org.jresnet.weights;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.graph.DType;

/**
 * Reads the part of Python's pickle language that a state dict needs, as data: numbers, texts,
 * tuples, lists, dicts, and calls of the few constructors in {@link #GLOBALS}. Any other global is
 * refused by name, so no code from a file can run. Opcodes: <a
 * href="https://github.com/python/cpython/blob/main/Lib/pickletools.py">pickletools</a>.
 */
final class Unpickler {
  /** A name imported by the pickle. */
  record Global(String module, String name) {
    @Override
    public String toString() {
      return module + "." + name;
    }
  }

  /** A storage that the file holds elsewhere: its key, element type and element count. */
  record Storage(String key, DType type, long elements) {}

  /** A view of a storage. */
  record TensorView(Storage storage, long offset, List<Long> shape, List<Long> strides) {}

  /** What cannot be read, and why. */
  static final class PickleException extends Exception {
    private static final long serialVersionUID = 1L;

    PickleException(String message) {
      super(message);
    }
  }

  private static final Map<String, DType> STORAGES =
      Map.of(
          "FloatStorage", DType.F32,
          "DoubleStorage", DType.F64,
          "HalfStorage", DType.F16,
          "BFloat16Storage", DType.BF16,
          "LongStorage", DType.I64,
          "IntStorage", DType.I32,
          "CharStorage", DType.I8,
          "ByteStorage", DType.U8,
          "BoolStorage", DType.U8);

  private static final String REBUILD = "torch._utils._rebuild_tensor_v2";
  private static final String PARAMETER = "torch._utils._rebuild_parameter";
  private static final String ORDERED_DICT = "collections.OrderedDict";
  private static final String SIZE = "torch.Size";

  /** The globals that are known beside the storage types; calling them builds plain data here. */
  private static final List<String> GLOBALS = List.of(REBUILD, PARAMETER, ORDERED_DICT, SIZE);

  private static final int MAX_DEPTH = 100_000;
  private static final Object MARK = new Object();

  private final ByteBuffer in;
  private final List<Object> stack = new ArrayList<>();
  private final Map<Integer, Object> memo = new HashMap<>();

  Unpickler(ByteBuffer bytes) {
    in = bytes.order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Reads one pickle; the buffer is then behind it. */
  Object read() throws PickleException {
    stack.clear();
    memo.clear();
    try {
      while (true) {
        int opcode = in.get() & 255;
        if (opcode == '.') {
          return pop();
        }
        step(opcode);
        if (stack.size() > MAX_DEPTH) {
          throw new PickleException("it is nested too deeply");
        }
      }
    } catch (BufferUnderflowException e) {
      throw new PickleException("it ends in the middle; the file is truncated");
    } catch (ClassCastException | IndexOutOfBoundsException e) {
      throw new PickleException("it is malformed near byte " + in.position());
    }
  }

  private void step(int opcode) throws PickleException {
    switch (opcode) {
      case 0x80 -> {
        int protocol = in.get() & 255;
        if (protocol > 5) {
          throw new PickleException("pickle protocol " + protocol + " is not known");
        }
      }
      case 0x95 -> in.getLong();
      case '(' -> stack.add(MARK);
      case '0' -> pop();
      case '1' -> mark();
      case 'N' -> stack.add(null);
      case 0x88 -> stack.add(Boolean.TRUE);
      case 0x89 -> stack.add(Boolean.FALSE);
      case 'J' -> stack.add((long) in.getInt());
      case 'K' -> stack.add((long) (in.get() & 255));
      case 'M' -> stack.add((long) (in.getShort() & 0xffff));
      case 0x8a -> stack.add(integer(in.get() & 255));
      case 0x8b -> stack.add(integer(length(in.getInt())));
      case 'I' -> stack.add(line().equals("01") ? Boolean.TRUE : Boolean.FALSE);
      case 'L' -> stack.add(Long.parseLong(line().replace("L", "")));
      case 'F' -> stack.add(Double.parseDouble(line()));
      case 'G' -> stack.add(in.order(ByteOrder.BIG_ENDIAN).getDouble());
      case 'X' -> stack.add(text(length(in.getInt())));
      case 0x8c -> stack.add(text(in.get() & 255));
      case 0x8d -> stack.add(text(length(in.getLong())));
      case 'T' -> stack.add(text(length(in.getInt())));
      case 'U' -> stack.add(text(in.get() & 255));
      case 'C' -> stack.add(bytes(in.get() & 255));
      case 'B' -> stack.add(bytes(length(in.getInt())));
      case 0x8e -> stack.add(bytes(length(in.getLong())));
      case '}' -> stack.add(new LinkedHashMap<Object, Object>());
      case ']' -> stack.add(new ArrayList<Object>());
      case ')' -> stack.add(List.of());
      case 't' -> stack.add(mark());
      case 0x85, 0x86, 0x87 -> tuple(opcode - 0x84);
      case 'l' -> stack.add(mark());
      case 'd' -> {
        List<Object> items = mark();
        Map<Object, Object> dict = new LinkedHashMap<>();
        put(dict, items);
        stack.add(dict);
      }
      case 's' -> {
        Object value = pop();
        Object key = pop();
        put(dict(top()), java.util.Arrays.asList(key, value));
      }
      case 'u' -> {
        List<Object> items = mark();
        put(dict(top()), items);
      }
      case 'a' -> {
        Object value = pop();
        list(top()).add(value);
      }
      case 'e' -> {
        List<Object> items = mark();
        list(top()).addAll(items);
      }
      case 'q' -> memo.put(in.get() & 255, top());
      case 'r' -> memo.put(in.getInt(), top());
      case 'p' -> memo.put(Integer.parseInt(line()), top());
      case 0x94 -> memo.put(memo.size(), top());
      case 'h' -> recall(in.get() & 255);
      case 'j' -> recall(in.getInt());
      case 'g' -> recall(Integer.parseInt(line()));
      case 'c' -> global(line(), line());
      case 0x93 -> {
        String name = (String) pop();
        global((String) pop(), name);
      }
      case 'R' -> {
        Object arguments = pop();
        stack.add(call((Global) pop(), (List<?>) arguments));
      }
      case 0x81 -> {
        Object arguments = pop();
        stack.add(call((Global) pop(), (List<?>) arguments));
      }
      case 'b' -> pop(); // Attributes of a dict (_metadata) mean nothing here.
      case 'Q' -> stack.add(storage((List<?>) pop()));
      default ->
          throw new PickleException(
              "opcode 0x"
                  + Integer.toHexString(opcode)
                  + " at byte "
                  + (in.position() - 1)
                  + " has no place in a state dict");
    }
    in.order(ByteOrder.LITTLE_ENDIAN);
  }

  private void global(String module, String name) throws PickleException {
    Global global = new Global(module, name);
    boolean storage =
        (module.equals("torch") || module.equals("torch.storage")) && STORAGES.containsKey(name);
    if (!storage && !GLOBALS.contains(global.toString())) {
      throw new PickleException(
          "it asks to import "
              + global
              + ", which a state dict does not need; it may be malicious. Nothing was run. If you"
              + " trust its source, save only the state dict: torch.save(model.state_dict(), file)");
    }
    stack.add(global);
  }

  private static Object call(Global function, List<?> arguments) throws PickleException {
    return switch (function.toString()) {
      case ORDERED_DICT -> {
        Map<Object, Object> dict = new LinkedHashMap<>();
        if (!arguments.isEmpty()) {
          for (Object pair : (List<?>) arguments.get(0)) {
            put(dict, (List<?>) pair);
          }
        }
        yield dict;
      }
      case REBUILD ->
          new TensorView(
              (Storage) arguments.get(0),
              (Long) arguments.get(1),
              longs(arguments.get(2)),
              longs(arguments.get(3)));
      case PARAMETER -> arguments.get(0);
      case SIZE -> arguments.get(0);
      default -> throw new PickleException("it calls " + function + ", which is no function");
    };
  }

  private static List<Long> longs(Object list) {
    List<Long> values = new ArrayList<>();
    for (Object o : (List<?>) list) {
      values.add((Long) o);
    }
    return values;
  }

  /** ('storage', type, key, location, elements[, view]) */
  private static Storage storage(List<?> id) throws PickleException {
    if (id.size() < 5 || !"storage".equals(id.get(0)) || !(id.get(1) instanceof Global type)) {
      throw new PickleException("it refers to something that is no tensor storage");
    }
    if (id.size() > 5 && id.get(5) != null) {
      throw new PickleException(
          "it holds a view of a storage in a form that PyTorch dropped in 2017");
    }
    DType dtype = STORAGES.get(type.name());
    if (dtype == null) {
      throw new PickleException(type + " is no storage type");
    }
    return new Storage(id.get(2).toString(), dtype, (Long) id.get(4));
  }

  private Object top() {
    return stack.get(stack.size() - 1);
  }

  private Object pop() {
    return stack.remove(stack.size() - 1);
  }

  /** Everything above the topmost mark, which goes. */
  private List<Object> mark() {
    int at = stack.lastIndexOf(MARK);
    List<Object> above = stack.subList(at + 1, stack.size());
    List<Object> items = new ArrayList<>(above);
    above.clear();
    stack.remove(at);
    return items;
  }

  private void tuple(int size) {
    List<Object> above = stack.subList(stack.size() - size, stack.size());
    List<Object> items = new ArrayList<>(above);
    above.clear();
    stack.add(items);
  }

  private void recall(int index) throws PickleException {
    if (!memo.containsKey(index)) {
      throw new PickleException("it recalls value " + index + ", which was never stored");
    }
    stack.add(memo.get(index));
  }

  private static void put(Map<Object, Object> dict, List<?> items) {
    for (int i = 0; i < items.size(); i += 2) {
      dict.put(items.get(i), items.get(i + 1));
    }
  }

  @SuppressWarnings("unchecked") // every dict on the stack was made above
  private static Map<Object, Object> dict(Object value) {
    return (Map<Object, Object>) value;
  }

  @SuppressWarnings("unchecked") // every list on the stack was made above
  private static List<Object> list(Object value) {
    return (List<Object>) value;
  }

  private int length(long claimed) throws PickleException {
    if (claimed < 0 || claimed > in.remaining()) {
      throw new PickleException(
          "it claims a value of " + claimed + " bytes where only " + in.remaining() + " are left");
    }
    return (int) claimed;
  }

  private byte[] bytes(int length) {
    byte[] out = new byte[length];
    in.get(out);
    return out;
  }

  private String text(int length) throws PickleException {
    return new String(bytes(length(length)), StandardCharsets.UTF_8);
  }

  private Object integer(int length) throws PickleException {
    byte[] little = bytes(length(length));
    if (length == 0) {
      return 0L;
    }
    byte[] big = new byte[length];
    for (int i = 0; i < length; i++) {
      big[i] = little[length - 1 - i];
    }
    java.math.BigInteger value = new java.math.BigInteger(big);
    return value.bitLength() < 64 ? (Object) value.longValue() : value;
  }

  private String line() {
    StringBuilder text = new StringBuilder();
    for (byte b = in.get(); b != '\n'; b = in.get()) {
      text.append((char) (b & 255));
    }
    return text.toString();
  }
}
