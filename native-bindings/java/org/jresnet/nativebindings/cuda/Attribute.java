package org.jresnet.nativebindings.cuda;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.BoolPointer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/**
 * An attribute of a cuDNN backend descriptor together with its type, so that a value of the wrong
 * type cannot be set: cuDNN reads the bytes that the type promises, and a wrong one ends in a crash
 * rather than an error.
 *
 * @param <T> the Java type of its value
 */
record Attribute<T>(int code, int type, Encoder<T> encoder) {
  /** Makes the native array of a value. */
  interface Encoder<T> {
    Pointer encode(T value);
  }

  static Attribute<Long> int64(int code) {
    return new Attribute<>(code, cudnn.CUDNN_TYPE_INT64, v -> new LongPointer(new long[] {v}));
  }

  static Attribute<long[]> int64s(int code) {
    return new Attribute<>(code, cudnn.CUDNN_TYPE_INT64, LongPointer::new);
  }

  /** One of cuDNN's C enumerations; {@code type} says which. */
  static Attribute<Integer> enumeration(int code, int type) {
    return new Attribute<>(code, type, v -> new IntPointer(new int[] {v}));
  }

  static Attribute<DataType> dataType(int code) {
    return new Attribute<>(
        code, cudnn.CUDNN_TYPE_DATA_TYPE, v -> new IntPointer(new int[] {v.code()}));
  }

  static Attribute<Float> real(int code) {
    return new Attribute<>(code, cudnn.CUDNN_TYPE_FLOAT, v -> new FloatPointer(new float[] {v}));
  }

  static Attribute<Double> real64(int code) {
    return new Attribute<>(code, cudnn.CUDNN_TYPE_DOUBLE, v -> new DoublePointer(new double[] {v}));
  }

  static Attribute<Boolean> bool(int code) {
    return new Attribute<>(code, cudnn.CUDNN_TYPE_BOOLEAN, v -> new BoolPointer(1).put(v));
  }

  static Attribute<String> text(int code) {
    return new Attribute<>(
        code, cudnn.CUDNN_TYPE_CHAR, v -> new BytePointer(v.getBytes(StandardCharsets.UTF_8)));
  }

  static Attribute<Descriptor> descriptor(int code) {
    return new Attribute<>(
        code,
        cudnn.CUDNN_TYPE_BACKEND_DESCRIPTOR,
        v -> new PointerPointer<Pointer>(new Pointer[] {v.pointer()}));
  }

  static Attribute<List<Descriptor>> descriptors(int code) {
    return new Attribute<>(
        code,
        cudnn.CUDNN_TYPE_BACKEND_DESCRIPTOR,
        v ->
            new PointerPointer<Pointer>(
                v.stream().map(Descriptor::pointer).toArray(Pointer[]::new)));
  }

  static Attribute<Pointer> handle(int code) {
    return new Attribute<>(
        code, cudnn.CUDNN_TYPE_HANDLE, v -> new PointerPointer<Pointer>(new Pointer[] {v}));
  }

  static Attribute<Pointer> address(int code) {
    return new Attribute<>(
        code, cudnn.CUDNN_TYPE_VOID_PTR, v -> new PointerPointer<Pointer>(new Pointer[] {v}));
  }

  static Attribute<Pointer[]> addresses(int code) {
    return new Attribute<>(code, cudnn.CUDNN_TYPE_VOID_PTR, v -> new PointerPointer<Pointer>(v));
  }
}
