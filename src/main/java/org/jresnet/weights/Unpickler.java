package org.jresnet.weights;

import java.math.BigInteger;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jresnet.graph.DType;

/**
 * Reads the part of Python's pickle language (protocols 2 to 5) that a state dict needs, as data:
 * numbers, texts, tuples, lists, dicts, and calls of the few constructors in {@link #FUNCTIONS}.
 * Any other global is refused by name, so no code from a file can run. Opcodes: <a
 * href="https://github.com/python/cpython/blob/main/Lib/pickletools.py">pickletools</a>.
 *
 * <p>Time and memory stay proportional to the pickle's length: nothing recurses, lengths are
 * checked before allocation, and values that the memo repeats are never copied beyond {@link
 * #copied}.
 */
final class Unpickler {
  /** A name imported by the pickle. */
  record Global(String module, String name) {
    @Override
    public String toString() {
      return module + "." + name;
    }
  }

  /**
   * A storage that the file holds elsewhere.
   *
   * @param key its name in the file
   * @param torchName such as {@code FloatStorage}
   * @param elements number of elements that it should hold
   */
  record Storage(String key, String torchName, long elements) {
    DType type() {
      return STORAGES.get(torchName);
    }
  }

  /** A view of a storage; offset and strides count elements. */
  record TensorView(Storage storage, long offset, List<Long> shape, List<Long> strides) {}

  /** What cannot be read, and why. */
  static final class PickleException extends Exception {
    private static final long serialVersionUID = 1L;

    PickleException(String message) {
      super(message);
    }
  }

  /** A Python tuple; equal to itself only, because comparing nested ones takes exponential time. */
  private static final class Tuple {
    private final List<Object> items;

    private Tuple(List<Object> items) {
      this.items = items;
    }

    @Override
    public String toString() {
      return "a tuple of " + items.size();
    }
  }

  private static final Map<String, DType> STORAGES =
      Map.ofEntries(
          Map.entry("FloatStorage", DType.F32),
          Map.entry("DoubleStorage", DType.F64),
          Map.entry("HalfStorage", DType.F16),
          Map.entry("BFloat16Storage", DType.BF16),
          Map.entry("LongStorage", DType.I64),
          Map.entry("IntStorage", DType.I32),
          Map.entry("CharStorage", DType.I8),
          Map.entry("ByteStorage", DType.U8),
          Map.entry("BoolStorage", DType.U8),
          Map.entry("UntypedStorage", DType.U8));

  /** Storage types of torch that have no place in {@link DType}. */
  private static final Set<String> OTHER_STORAGES =
      Set.of(
          "ShortStorage",
          "ComplexFloatStorage",
          "ComplexDoubleStorage",
          "QInt8Storage",
          "QUInt8Storage",
          "QInt32Storage",
          "QUInt4x2Storage",
          "QUInt2x4Storage");

  /** Calling one of these builds plain data here. */
  private static final Set<String> FUNCTIONS =
      Set.of(
          "collections.OrderedDict",
          "torch._utils._rebuild_tensor",
          "torch._utils._rebuild_tensor_v2",
          "torch._utils._rebuild_parameter",
          "torch._utils._rebuild_parameter_with_state",
          "torch.nn.parameter.Parameter",
          "torch.Size");

  /** Plain values that checkpoints hold beside the tensors; calling one gives {@link #IGNORED}. */
  private static final Set<String> INERT =
      Set.of(
          "collections.Counter",
          "torch.device",
          "_codecs.encode",
          "__builtin__.set",
          "builtins.set",
          "__builtin__.bytearray",
          "builtins.bytearray",
          "torch.float64",
          "torch.float32",
          "torch.float16",
          "torch.bfloat16",
          "torch.int64",
          "torch.int32",
          "torch.int16",
          "torch.int8",
          "torch.uint8",
          "torch.bool");

  /** torch's own pickles are far smaller: about 200 bytes for a tensor. */
  private static final int MAX_PICKLE = 16 << 20;

  /** Module and name of a global are short. */
  private static final int MAX_LINE = 1000;

  /** torch.save's magic number, the widest integer in its files, has 10 bytes. */
  private static final int MAX_INTEGER_BYTES = 16;

  /** torch's own limit. */
  private static final int MAX_RANK = 64;

  private static final Object MARK = new Object();
  private static final Object IGNORED = new Object();

  private final ByteBuffer in;
  private final List<Object> stack = new ArrayList<>();
  private final Map<Integer, Object> memo = new HashMap<>();
  private final Map<String, Storage> storages = new HashMap<>();
  private int start;
  private int end;

  /** Pairs copied out of lists that the memo may repeat. */
  private long copied;

  Unpickler(ByteBuffer bytes) {
    in = bytes.order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Every storage that the pickles read so far refer to, by key. */
  Map<String, Storage> storages() {
    return Collections.unmodifiableMap(storages);
  }

  /** Reads one pickle; the buffer is then behind it. */
  Object read() throws PickleException {
    stack.clear();
    memo.clear();
    copied = 0;
    start = in.position();
    end = (int) Math.min(in.limit(), (long) start + MAX_PICKLE);
    try {
      while (true) {
        if (in.position() >= end && end < in.limit()) {
          throw new PickleException("it is longer than " + MAX_PICKLE + " bytes");
        }
        int opcode = in.get() & 255;
        if (opcode == '.') {
          return pop();
        }
        step(opcode);
      }
    } catch (BufferUnderflowException e) {
      throw new PickleException("it ends in the middle; the file is truncated, get it again");
    }
  }

  private void step(int opcode) throws PickleException {
    switch (opcode) {
      case 0x80 -> protocol(in.get() & 255); // PROTO
      case 0x95 -> in.getLong(); // FRAME
      case '(' -> stack.add(MARK);
      case '0' -> pop(); // POP
      case '1' -> mark(); // POP_MARK
      case 'N' -> stack.add(null);
      case 0x88 -> stack.add(Boolean.TRUE);
      case 0x89 -> stack.add(Boolean.FALSE);
      case 'J' -> stack.add((long) in.getInt()); // BININT
      case 'K' -> stack.add(in.get() & 255L); // BININT1
      case 'M' -> stack.add(in.getShort() & 0xffffL); // BININT2
      case 0x8a -> stack.add(integer(in.get() & 255)); // LONG1
      case 0x8b -> stack.add(integer(in.getInt())); // LONG4
      case 'G' -> stack.add(Double.longBitsToDouble(Long.reverseBytes(in.getLong()))); // BINFLOAT
      case 'U', 0x8c -> stack.add(text(in.get() & 255)); // SHORT_BINSTRING, SHORT_BINUNICODE
      case 'T', 'X' -> stack.add(text(unsigned(in.getInt()))); // BINSTRING, BINUNICODE
      case 0x8d -> stack.add(text(in.getLong())); // BINUNICODE8
      case 'C' -> stack.add(bytes(in.get() & 255)); // SHORT_BINBYTES
      case 'B' -> stack.add(bytes(unsigned(in.getInt()))); // BINBYTES
      case 0x8e, 0x96 -> stack.add(bytes(in.getLong())); // BINBYTES8, BYTEARRAY8
      case '}' -> stack.add(new LinkedHashMap<Object, Object>()); // EMPTY_DICT
      case ']', 0x8f -> stack.add(new ArrayList<Object>()); // EMPTY_LIST, EMPTY_SET
      case ')' -> stack.add(new Tuple(List.of())); // EMPTY_TUPLE
      case 't' -> stack.add(new Tuple(mark())); // TUPLE
      case 0x85, 0x86, 0x87 -> stack.add(new Tuple(popLast(opcode - 0x84))); // TUPLE1 to 3
      case 0x91 -> stack.add(mark()); // FROZENSET
      case 's' -> setItems(popLast(2)); // SETITEM
      case 'u' -> setItems(mark()); // SETITEMS
      case 'a' -> appendItems(popLast(1)); // APPEND
      case 'e', 0x90 -> appendItems(mark()); // APPENDS, ADDITEMS
      case 'q' -> memo.put(in.get() & 255, top()); // BINPUT
      case 'r' -> memo.put(in.getInt(), top()); // LONG_BINPUT
      case 0x94 -> memo.put(memo.size(), top()); // MEMOIZE
      case 'h' -> recall(in.get() & 255); // BINGET
      case 'j' -> recall(in.getInt()); // LONG_BINGET
      case 'c' -> global(line(), line()); // GLOBAL
      case 0x93 -> { // STACK_GLOBAL
        String name = as(String.class, pop(), "the name of a global");
        global(as(String.class, pop(), "the module of a global"), name);
      }
      case 'R', 0x81 -> { // REDUCE, NEWOBJ
        List<Object> arguments = as(Tuple.class, pop(), "the arguments of a call").items;
        stack.add(call(as(Global.class, pop(), "the function of a call"), arguments));
      }
      case 'b' -> { // BUILD: attributes, such as a dict's _metadata, mean nothing here
        pop();
        top();
      }
      case 'Q' -> stack.add(storage(as(Tuple.class, pop(), "a storage").items)); // BINPERSID
      default ->
          throw new PickleException(
              "opcode 0x"
                  + Integer.toHexString(opcode)
                  + " at byte "
                  + (in.position() - 1)
                  + " has no place in a state dict");
    }
  }

  private static void protocol(int protocol) throws PickleException {
    if (protocol < 2 || protocol > 5) {
      throw new PickleException("it is in pickle protocol " + protocol + ", known are 2 to 5");
    }
  }

  private void global(String module, String name) throws PickleException {
    Global global = new Global(module, name);
    boolean torch = module.equals("torch") || module.equals("torch.storage");
    if (torch && OTHER_STORAGES.contains(name)) {
      throw new PickleException(
          "it holds tensors in a "
              + global
              + ", whose element type is not supported; convert them with tensor.float()");
    }
    if (!(torch && STORAGES.containsKey(name))
        && !FUNCTIONS.contains(global.toString())
        && !INERT.contains(global.toString())) {
      throw new PickleException(
          "it asks to import "
              + FileBytes.show(global)
              + ", which a state dict does not need; it may be malicious. Nothing was run. If you"
              + " trust its source, save only the weights: torch.save(model.state_dict(), file)");
    }
    stack.add(global);
  }

  private Object call(Global function, List<Object> arguments) throws PickleException {
    String name = function.toString();
    if (INERT.contains(name)) {
      return IGNORED;
    }
    return switch (name) {
      case "collections.OrderedDict" -> orderedDict(arguments);
      case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2" -> tensor(arguments);
      case "torch._utils._rebuild_parameter",
          "torch._utils._rebuild_parameter_with_state",
          "torch.nn.parameter.Parameter" ->
          as(TensorView.class, argument(arguments, 0), "a parameter");
      case "torch.Size" -> argument(arguments, 0);
      default -> throw new PickleException("it calls " + name + ", which is no function");
    };
  }

  /** Python 2 wrote the pairs as arguments; Python 3 sets them afterwards. */
  private Map<Object, Object> orderedDict(List<Object> arguments) throws PickleException {
    Map<Object, Object> dict = new LinkedHashMap<>();
    if (!arguments.isEmpty()) {
      List<?> pairs = as(ArrayList.class, arguments.get(0), "the pairs of an OrderedDict");
      copied += pairs.size();
      if (copied > end - start) {
        throw new PickleException("it repeats values until they no longer fit into memory");
      }
      for (Object pair : pairs) {
        List<?> items = pair instanceof Tuple t ? t.items : as(ArrayList.class, pair, "a pair");
        if (items.size() != 2) {
          throw new PickleException("a pair of an OrderedDict has " + items.size() + " items");
        }
        dict.put(key(items.get(0)), items.get(1));
      }
    }
    return dict;
  }

  /** (storage, offset, shape, strides[, requires_grad, hooks[, metadata]]). */
  private static TensorView tensor(List<Object> arguments) throws PickleException {
    if (arguments.size() > 6
        && !(arguments.get(6) == null || arguments.get(6) instanceof Map<?, ?> m && m.isEmpty())) {
      throw new PickleException("a tensor carries flags (conjugated or negated); resolve them");
    }
    List<Long> shape = extents(argument(arguments, 2), "a tensor's shape");
    List<Long> strides = extents(argument(arguments, 3), "a tensor's strides");
    if (shape.size() != strides.size()) {
      throw new PickleException("a tensor of shape " + shape + " has the strides " + strides);
    }
    return new TensorView(
        as(Storage.class, argument(arguments, 0), "a tensor's storage"),
        natural(argument(arguments, 1), "a tensor's offset"),
        shape,
        strides);
  }

  private static List<Long> extents(Object value, String what) throws PickleException {
    List<Object> items = as(Tuple.class, value, what).items;
    if (items.size() > MAX_RANK) {
      throw new PickleException(what + " has " + items.size() + " dimensions");
    }
    List<Long> extents = new ArrayList<>();
    for (Object item : items) {
      extents.add(natural(item, what));
    }
    return List.copyOf(extents);
  }

  private static long natural(Object value, String what) throws PickleException {
    long number = as(Long.class, value, what);
    if (number < 0) {
      throw new PickleException(what + " contains " + number);
    }
    return number;
  }

  /** ('storage', type, key, location, elements[, view]). */
  private Storage storage(List<Object> id) throws PickleException {
    if (!"storage".equals(argument(id, 0))) {
      throw new PickleException("it refers to something that is no tensor storage");
    }
    if (id.size() > 5 && id.get(5) != null) {
      throw new PickleException(
          "it holds a view of a storage in a form that PyTorch dropped in 2017");
    }
    Global type = as(Global.class, argument(id, 1), "a storage's type");
    if (!STORAGES.containsKey(type.name())) {
      throw new PickleException(type + " is no storage type");
    }
    String key = as(String.class, argument(id, 2), "a storage's key");
    Storage storage =
        new Storage(key, type.name(), natural(argument(id, 4), "a storage's number of elements"));
    Storage known = storages.putIfAbsent(key, storage);
    if (known != null && !known.equals(storage)) {
      throw new PickleException(
          "storage " + FileBytes.show(key) + " is described twice: " + known + ", " + storage);
    }
    return storage;
  }

  private static Object argument(List<Object> arguments, int index) throws PickleException {
    if (index >= arguments.size()) {
      throw new PickleException("a call has only " + arguments.size() + " arguments");
    }
    return arguments.get(index);
  }

  private static <T> T as(Class<T> type, Object value, String what) throws PickleException {
    if (!type.isInstance(value)) {
      throw new PickleException(
          "it is malformed: expected "
              + what
              + ", found "
              + (value == null ? "None" : value.getClass().getSimpleName()));
    }
    return type.cast(value);
  }

  private Object top() throws PickleException {
    if (stack.isEmpty()) {
      throw new PickleException("it is malformed near byte " + in.position());
    }
    return stack.get(stack.size() - 1);
  }

  private Object pop() throws PickleException {
    Object value = top();
    if (value == MARK) {
      throw new PickleException("it is malformed near byte " + in.position());
    }
    return stack.remove(stack.size() - 1);
  }

  /** Everything above the topmost mark, which goes. */
  private List<Object> mark() throws PickleException {
    int at = stack.lastIndexOf(MARK);
    if (at < 0) {
      throw new PickleException("it is malformed near byte " + in.position());
    }
    List<Object> items = popLast(stack.size() - at - 1);
    stack.remove(at);
    return items;
  }

  private List<Object> popLast(int count) throws PickleException {
    List<Object> items = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      items.add(pop());
    }
    Collections.reverse(items);
    return items;
  }

  private void recall(int index) throws PickleException {
    if (!memo.containsKey(index)) {
      throw new PickleException("it recalls value " + index + ", which was never stored");
    }
    stack.add(memo.get(index));
  }

  private void setItems(List<Object> items) throws PickleException {
    @SuppressWarnings("unchecked") // every map on the stack was made here
    Map<Object, Object> dict = as(LinkedHashMap.class, top(), "a dict");
    if (items.size() % 2 != 0) {
      throw new PickleException("it is malformed: a key without value");
    }
    for (int i = 0; i < items.size(); i += 2) {
      dict.put(key(items.get(i)), items.get(i + 1));
    }
  }

  private void appendItems(List<Object> items) throws PickleException {
    @SuppressWarnings("unchecked") // every list on the stack was made here
    List<Object> list = as(ArrayList.class, top(), "a list");
    list.addAll(items);
  }

  /** Containers cannot be keys, as in Python; hashing them here could take for ever. */
  private static Object key(Object value) throws PickleException {
    if (value instanceof ArrayList<?> || value instanceof LinkedHashMap<?, ?>) {
      throw new PickleException("it is malformed: a container as key of a dict");
    }
    return value;
  }

  private static long unsigned(int length) {
    return Integer.toUnsignedLong(length);
  }

  private byte[] bytes(long length) throws PickleException {
    int left = end - in.position();
    if (length < 0 || length > left) {
      throw new PickleException(
          "it claims a value of "
              + Long.toUnsignedString(length)
              + " bytes where at most "
              + Math.max(0, left)
              + " can follow; the file is truncated or damaged");
    }
    byte[] out = new byte[(int) length];
    in.get(out);
    return out;
  }

  private String text(long length) throws PickleException {
    return new String(bytes(length), StandardCharsets.UTF_8);
  }

  private Object integer(int length) throws PickleException {
    if (length < 0 || length > MAX_INTEGER_BYTES) {
      throw new PickleException(
          "it holds an integer of "
              + Integer.toUnsignedString(length)
              + " bytes, allowed are "
              + MAX_INTEGER_BYTES);
    }
    if (length == 0) {
      return 0L;
    }
    byte[] bytes = bytes(length);
    for (int i = 0, j = length - 1; i < j; i++, j--) {
      byte swapped = bytes[i];
      bytes[i] = bytes[j];
      bytes[j] = swapped;
    }
    BigInteger value = new BigInteger(bytes);
    return value.bitLength() < Long.SIZE ? (Object) value.longValue() : value;
  }

  private String line() throws PickleException {
    StringBuilder text = new StringBuilder();
    for (byte b = in.get(); b != '\n'; b = in.get()) {
      if (text.length() == MAX_LINE) {
        throw new PickleException("it is malformed: the name of a global does not end");
      }
      text.append((char) (b & 255));
    }
    return text.toString();
  }
}
