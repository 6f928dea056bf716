package org.jresnet.weights;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jresnet.graph.DType;
import org.jresnet.weights.PickleGlobals.Global;

/** What the few functions that a pickle may call make of their arguments: data, nothing else. */
final class PickleCalls {
  /**
   * A storage that the file holds elsewhere.
   *
   * @param key its name in the file
   * @param torchName such as {@code FloatStorage}
   * @param elements number of elements that it should hold
   */
  record Storage(String key, String torchName, long elements) {
    DType type() {
      return TorchTypes.ofStorage(torchName).orElseThrow();
    }

    long bytes() {
      return Math.multiplyExact(elements, type().bytes());
    }
  }

  /**
   * A view of a storage; offset and strides count elements of the view's type, which differs from
   * the storage's where that is untyped.
   */
  record TensorView(
      Storage storage, DType type, long offset, List<Long> shape, List<Long> strides) {}

  /** A Python tuple; equal to itself only, because comparing nested ones takes exponential time. */
  static final class Tuple {
    private final Object[] items;

    Tuple(Object... items) {
      this.items = items;
    }

    int size() {
      return items.length;
    }

    List<Object> items() {
      return Arrays.asList(items);
    }

    Object get(int i) {
      return items[i];
    }

    @Override
    public String toString() {
      return "a tuple of " + items.length;
    }
  }

  /** What calls of inert functions give. */
  private static final Object IGNORED =
      new Object() {
        @Override
        public String toString() {
          return "a value that is not read";
        }
      };

  private final Map<String, Storage> storages = new HashMap<>();

  /** Values copied out of containers that the memo may repeat. */
  private long copied;

  private long mayCopy;

  /** A new pickle of so many bytes begins. */
  void begin(long bytes) {
    copied = 0;
    mayCopy = bytes;
  }

  /** Every storage that the pickles read so far refer to, by key. */
  Map<String, Storage> storages() {
    return Collections.unmodifiableMap(storages);
  }

  Object call(Global function, Tuple arguments) throws PickleException {
    String name = function.toString();
    if (PickleGlobals.isInert(function)) {
      return IGNORED;
    }
    return switch (name) {
      case "collections.OrderedDict" -> orderedDict(arguments);
      case "torch._utils._rebuild_tensor",
          "torch._utils._rebuild_tensor_v2",
          "torch._utils._rebuild_tensor_v3" ->
          tensor(arguments, name.endsWith("_v3"));
      case "torch._utils._rebuild_parameter",
          "torch._utils._rebuild_parameter_with_state",
          "torch.nn.parameter.Parameter" ->
          as(TensorView.class, argument(arguments, 0), "a parameter");
      case "torch.Size" -> argument(arguments, 0);
      default -> throw new PickleException("it calls " + name + ", which is no function");
    };
  }

  private void copy(long values) throws PickleException {
    copied += values;
    if (copied > mayCopy) {
      throw new PickleException("it repeats values until they no longer fit into memory");
    }
  }

  /** Python 2 wrote the pairs as arguments; Python 3 sets them afterwards. */
  private PickleDict orderedDict(Tuple arguments) throws PickleException {
    PickleDict dict = new PickleDict();
    if (arguments.size() > 0) {
      List<?> pairs = as(ArrayList.class, arguments.get(0), "the pairs of an OrderedDict");
      copy(pairs.size());
      for (Object pair : pairs) {
        List<?> items = pair instanceof Tuple t ? t.items() : as(ArrayList.class, pair, "a pair");
        if (items.size() != 2) {
          throw new PickleException("a pair of an OrderedDict has " + items.size() + " items");
        }
        dict.put(key(items.get(0)), items.get(1));
      }
    }
    return dict;
  }

  /** Containers cannot be keys, as in Python. */
  static Object key(Object value) throws PickleException {
    if (value instanceof ArrayList<?> || value instanceof PickleDict) {
      throw new PickleException("it is malformed: a container as key of a dict");
    }
    return value;
  }

  /** (storage, offset, shape, strides[, requires_grad, hooks[, type, if v3][, metadata]]). */
  private TensorView tensor(Tuple arguments, boolean v3) throws PickleException {
    int flags = v3 ? 7 : 6;
    if (arguments.size() > flags
        && !(arguments.get(flags) == null
            || arguments.get(flags) instanceof PickleDict d && d.size() == 0)) {
      throw new PickleException("a tensor carries flags (conjugated or negated); resolve them");
    }
    Storage storage = as(Storage.class, argument(arguments, 0), "a tensor's storage");
    DType type = v3 ? type(argument(arguments, 6)) : storage.type();
    if (v3 && storage.type().bytes() != 1) {
      throw new PickleException("a tensor of " + type + " lies in a " + storage.torchName());
    }
    List<Long> shape = extents(argument(arguments, 2), "a tensor's shape");
    List<Long> strides = extents(argument(arguments, 3), "a tensor's strides");
    if (shape.size() != strides.size()) {
      throw new PickleException("a tensor of shape " + shape + " has the strides " + strides);
    }
    return new TensorView(
        storage, type, natural(argument(arguments, 1), "a tensor's offset"), shape, strides);
  }

  private static DType type(Object value) throws PickleException {
    Global name = as(Global.class, value, "a tensor's type");
    Optional<DType> type =
        name.module().equals("torch") ? TorchTypes.ofName(name.name()) : Optional.empty();
    return type.orElseThrow(() -> new PickleException(name + " is no element type"));
  }

  private List<Long> extents(Object value, String what) throws PickleException {
    Tuple items = as(Tuple.class, value, what);
    if (items.size() > Limits.RANK) {
      throw new PickleException(what + " has " + items.size() + " dimensions");
    }
    copy(items.size());
    List<Long> extents = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      extents.add(natural(items.get(i), what));
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
  Storage storage(Tuple id) throws PickleException {
    if (!"storage".equals(argument(id, 0))) {
      throw new PickleException("it refers to something that is no tensor storage");
    }
    if (id.size() > 5 && id.get(5) != null) {
      throw new PickleException(
          "it holds a view of a storage in a form that PyTorch dropped in 2017");
    }
    Global type = as(Global.class, argument(id, 1), "a storage's type");
    if (TorchTypes.ofStorage(type.name()).isEmpty()) {
      throw new PickleException(type + " is no storage type");
    }
    String key = as(String.class, argument(id, 2), "a storage's key");
    if (key.length() > Limits.NAME) {
      throw new PickleException("the key of a storage has " + key.length() + " characters");
    }
    Storage storage =
        new Storage(key, type.name(), natural(argument(id, 4), "a storage's number of elements"));
    try {
      storage.bytes();
    } catch (ArithmeticException e) {
      throw new PickleException("storage " + FileBytes.show(key) + " is larger than any file");
    }
    Storage known = storages.putIfAbsent(key, storage);
    if (known != null && !known.equals(storage)) {
      throw new PickleException(
          "storage " + FileBytes.show(key) + " is described twice: " + known + ", " + storage);
    }
    return known == null ? storage : known;
  }

  private static Object argument(Tuple arguments, int index) throws PickleException {
    if (index >= arguments.size()) {
      throw new PickleException("a call has only " + arguments.size() + " arguments");
    }
    return arguments.get(index);
  }

  static <T> T as(Class<T> type, Object value, String what) throws PickleException {
    if (!type.isInstance(value)) {
      throw new PickleException(
          "it is malformed: expected "
              + what
              + ", found "
              + (value == null ? "None" : value.getClass().getSimpleName()));
    }
    return type.cast(value);
  }
}
