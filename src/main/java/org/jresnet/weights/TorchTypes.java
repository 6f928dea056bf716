package org.jresnet.weights;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jresnet.graph.DType;

/** torch's names of element types, as pickles write them. */
final class TorchTypes {
  private static final Map<String, DType> STORAGES = new LinkedHashMap<>();
  private static final Map<String, DType> NAMES = new LinkedHashMap<>();

  static {
    put("FloatStorage", "float32", DType.F32);
    put("DoubleStorage", "float64", DType.F64);
    put("HalfStorage", "float16", DType.F16);
    put("BFloat16Storage", "bfloat16", DType.BF16);
    put("LongStorage", "int64", DType.I64);
    put("IntStorage", "int32", DType.I32);
    put("ShortStorage", "int16", DType.I16);
    put("CharStorage", "int8", DType.I8);
    put("ByteStorage", "uint8", DType.U8);
    put("BoolStorage", "bool", DType.BOOL);
    // Types from after 2023 have no storage class: bytes, and the type beside them.
    NAMES.put("uint16", DType.U16);
    NAMES.put("uint32", DType.U32);
    NAMES.put("uint64", DType.U64);
    NAMES.put("float8_e4m3fn", DType.F8_E4M3);
    NAMES.put("float8_e5m2", DType.F8_E5M2);
  }

  private TorchTypes() {}

  private static void put(String storage, String name, DType type) {
    STORAGES.put(storage, type);
    NAMES.put(name, type);
  }

  /** What a storage class such as {@code FloatStorage} holds; bytes for an untyped one. */
  static Optional<DType> ofStorage(String name) {
    return name.equals("UntypedStorage")
        ? Optional.of(DType.U8)
        : Optional.ofNullable(STORAGES.get(name));
  }

  /** What {@code torch.<name>} stands for, such as {@code float32}. */
  static Optional<DType> ofName(String name) {
    return Optional.ofNullable(NAMES.get(name));
  }

  /** The storage class for a type, where it has one. */
  static Optional<String> storage(DType type) {
    return key(STORAGES, type);
  }

  /** torch's name of a type. */
  static String name(DType type) {
    return key(NAMES, type).orElseThrow();
  }

  private static Optional<String> key(Map<String, DType> names, DType type) {
    return names.entrySet().stream()
        .filter(e -> e.getValue() == type)
        .map(Map.Entry::getKey)
        .findFirst();
  }
}
