package org.jresnet.nativebindings.cuda;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.cudnn.cudnnBackendDescriptor_t;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/**
 * Owns one descriptor of cuDNN's backend API (<a
 * href="https://docs.nvidia.com/deeplearning/cudnn/backend/latest/">cuDNN backend API</a>). Set its
 * attributes, then {@link #finish}.
 */
final class Descriptor implements AutoCloseable {
  private final String name;
  private cudnnBackendDescriptor_t handle = new cudnnBackendDescriptor_t();

  /**
   * An empty descriptor.
   *
   * @param kind CUDNN_BACKEND_..._DESCRIPTOR
   * @param name for error texts
   */
  Descriptor(int kind, String name) {
    this.name = name;
    Check.dnn(cudnn.cudnnBackendCreateDescriptor(kind, handle), "making " + name);
  }

  Pointer pointer() {
    if (handle == null) {
      throw new IllegalStateException(name + " is used after close");
    }
    return handle;
  }

  cudnnBackendDescriptor_t handle() {
    pointer();
    return handle;
  }

  <T> Descriptor set(Attribute<T> attribute, T value) {
    try (Pointer native_ = attribute.encoder().encode(value)) {
      Check.dnn(
          cudnn.cudnnBackendSetAttribute(
              handle(), attribute.code(), attribute.type(), native_.limit(), native_),
          name + ", attribute " + attribute.code());
    }
    return this;
  }

  Descriptor finish() {
    Check.dnn(cudnn.cudnnBackendFinalize(handle()), name);
    return this;
  }

  long int64(int attribute) {
    try (LongPointer count = new LongPointer(1);
        LongPointer value = new LongPointer(1)) {
      get(attribute, cudnn.CUDNN_TYPE_INT64, 1, count, value);
      return value.get();
    }
  }

  /** All values of an attribute that is a list of some C enumeration. */
  List<Integer> enumerations(int attribute, int type, int most) {
    try (LongPointer count = new LongPointer(1);
        IntPointer values = new IntPointer(most)) {
      get(attribute, type, most, count, values);
      List<Integer> found = new ArrayList<>();
      for (int i = 0; i < count.get(); i++) {
        found.add(values.get(i));
      }
      return found;
    }
  }

  String text(int attribute) {
    try (LongPointer count = new LongPointer(1)) {
      get(attribute, cudnn.CUDNN_TYPE_CHAR, 0, count, null);
      byte[] bytes = new byte[Math.toIntExact(count.get())];
      try (BytePointer value = new BytePointer(bytes.length)) {
        get(attribute, cudnn.CUDNN_TYPE_CHAR, bytes.length, count, value);
        value.get(bytes);
      }
      int length = bytes.length;
      while (length > 0 && bytes[length - 1] == 0) {
        length--;
      }
      return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }
  }

  /** Descriptors of one kind that cuDNN fills; the caller closes them. */
  List<Descriptor> descriptors(int attribute, int kind, String each) {
    List<Descriptor> made = new ArrayList<>();
    try (LongPointer count = new LongPointer(1)) {
      get(attribute, cudnn.CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, count, null);
      int expected = Math.toIntExact(count.get());
      for (int i = 0; i < expected; i++) {
        made.add(new Descriptor(kind, each));
      }
      if (expected == 0) {
        return made;
      }
      Pointer[] pointers = made.stream().map(Descriptor::pointer).toArray(Pointer[]::new);
      try (PointerPointer<Pointer> array = new PointerPointer<>(pointers)) {
        get(attribute, cudnn.CUDNN_TYPE_BACKEND_DESCRIPTOR, expected, count, array);
      }
      while (made.size() > count.get()) {
        made.remove(made.size() - 1).close();
      }
      return made;
    } catch (RuntimeException e) {
      made.forEach(Descriptor::close);
      throw e;
    }
  }

  private void get(int attribute, int type, long most, LongPointer count, Pointer into) {
    Check.dnn(
        cudnn.cudnnBackendGetAttribute(handle(), attribute, type, most, count, into),
        name + ", reading attribute " + attribute);
  }

  @Override
  public void close() {
    if (handle != null) {
      cudnn.cudnnBackendDestroyDescriptor(handle);
      handle = null;
    }
  }
}
