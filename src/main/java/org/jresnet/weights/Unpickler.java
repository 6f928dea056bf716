package org.jresnet.weights;

import static org.jresnet.weights.PickleCalls.as;

import java.math.BigInteger;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jresnet.weights.PickleCalls.Storage;
import org.jresnet.weights.PickleCalls.Tuple;
import org.jresnet.weights.PickleGlobals.Global;

/**
 * Reads the part of Python's pickle language (protocols 2 to 5) that a state dict needs, as data:
 * numbers, texts, tuples, lists, dicts, and calls of the few functions in {@link PickleCalls}. Any
 * other global is refused by name, so no code from a file can run. Opcodes: <a
 * href="https://github.com/python/cpython/blob/main/Lib/pickletools.py">pickletools</a>.
 *
 * <p>Time and memory stay proportional to the pickle's length: nothing recurses, lengths are
 * checked before allocation, no value is hashed, and what the memo repeats is copied so often at
 * most as the pickle has bytes. {@link Limits} has the numbers.
 */
final class Unpickler {
  private static final Object MARK = new Object();

  /** A place of the memo that was never stored. */
  private static final Object ABSENT = new Object();

  private static final Tuple NO_ITEMS = new Tuple();

  private final ByteBuffer in;
  private final List<Object> stack = new ArrayList<>();
  private final List<Object> memo = new ArrayList<>();
  private final PickleCalls calls = new PickleCalls();
  private int start;
  private int end;
  private int containers;

  Unpickler(ByteBuffer bytes) {
    in = bytes.order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Every storage that the pickles read so far refer to, by key. */
  Map<String, Storage> storages() {
    return calls.storages();
  }

  /** Reads one pickle; the buffer is then behind it. */
  Object read() throws PickleException {
    stack.clear();
    memo.clear();
    containers = 0;
    start = in.position();
    end = (int) Math.min(in.limit(), (long) start + Limits.PICKLE);
    calls.begin(end - start);
    try {
      while (true) {
        if (in.position() >= end && end < in.limit()) {
          throw new PickleException("it is longer than " + Limits.PICKLE + " bytes");
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
      case '}' -> container(new PickleDict()); // EMPTY_DICT
      case ']', 0x8f -> container(new ArrayList<>(1)); // EMPTY_LIST, EMPTY_SET
      case ')' -> stack.add(NO_ITEMS); // EMPTY_TUPLE
      case 't', 0x91 -> container(new Tuple(mark())); // TUPLE, FROZENSET
      case 0x85, 0x86, 0x87 -> container(new Tuple(popLast(opcode - 0x84))); // TUPLE1 to 3
      case 's' -> setItems(popLast(2)); // SETITEM
      case 'u' -> setItems(mark()); // SETITEMS
      case 'a' -> appendItems(popLast(1)); // APPEND
      case 'e', 0x90 -> appendItems(mark()); // APPENDS, ADDITEMS
      case 'q' -> memorise(in.get() & 255); // BINPUT
      case 'r' -> memorise(unsigned(in.getInt())); // LONG_BINPUT
      case 0x94 -> memo.add(top()); // MEMOIZE
      case 'h' -> recall(in.get() & 255); // BINGET
      case 'j' -> recall(unsigned(in.getInt())); // LONG_BINGET
      case 'c' -> global(line(), line()); // GLOBAL
      case 0x93 -> { // STACK_GLOBAL
        String name = as(String.class, pop(), "the name of a global");
        global(as(String.class, pop(), "the module of a global"), name);
      }
      case 'R', 0x81 -> { // REDUCE, NEWOBJ
        Tuple arguments = as(Tuple.class, pop(), "the arguments of a call");
        container(calls.call(as(Global.class, pop(), "the function of a call"), arguments));
      }
      case 'b' -> { // BUILD: attributes, such as a dict's _metadata, mean nothing here
        pop();
        top();
      }
      case 'Q' -> stack.add(calls.storage(as(Tuple.class, pop(), "a storage"))); // BINPERSID
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
    Object before = stack.isEmpty() ? null : stack.get(stack.size() - 1);
    stack.add(PickleGlobals.require(module, name, before));
  }

  /** Each takes far more memory than the bytes that ask for it. */
  private void container(Object value) throws PickleException {
    if (++containers > Limits.CONTAINERS) {
      throw new PickleException("it holds more than " + Limits.CONTAINERS + " tuples and lists");
    }
    stack.add(value);
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
  private Object[] mark() throws PickleException {
    int at = stack.lastIndexOf(MARK);
    if (at < 0) {
      throw new PickleException("it is malformed near byte " + in.position());
    }
    Object[] items = popLast(stack.size() - at - 1);
    stack.remove(at);
    return items;
  }

  private Object[] popLast(int count) throws PickleException {
    Object[] items = new Object[count];
    for (int i = count - 1; i >= 0; i--) {
      items[i] = pop();
    }
    return items;
  }

  /** Numbers count what was stored; files whose unused ones were taken out have gaps. */
  private void memorise(long index) throws PickleException {
    if (index > in.position() - start) {
      throw new PickleException("it stores value " + index + " before it can have so many");
    }
    Object value = top();
    while (memo.size() <= index) {
      memo.add(ABSENT);
    }
    memo.set((int) index, value);
  }

  private void recall(long index) throws PickleException {
    if (index >= memo.size() || memo.get((int) index) == ABSENT) {
      throw new PickleException("it recalls value " + index + ", which was never stored");
    }
    stack.add(memo.get((int) index));
  }

  private void setItems(Object[] items) throws PickleException {
    PickleDict dict = as(PickleDict.class, top(), "a dict");
    if (items.length % 2 != 0) {
      throw new PickleException("it is malformed: a key without value");
    }
    for (int i = 0; i < items.length; i += 2) {
      dict.put(PickleCalls.key(items[i]), items[i + 1]);
    }
  }

  private void appendItems(Object[] items) throws PickleException {
    @SuppressWarnings("unchecked") // every list on the stack was made here
    List<Object> list = as(ArrayList.class, top(), "a list");
    list.addAll(Arrays.asList(items));
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
    if (length == 0) {
      return "";
    }
    byte[] bytes = bytes(length);
    String text = new String(bytes, StandardCharsets.UTF_8);
    if (text.indexOf('\ufffd') >= 0
        && !Arrays.equals(bytes, text.getBytes(StandardCharsets.UTF_8))) {
      throw new PickleException("it holds a text that is not UTF-8: " + FileBytes.show(text));
    }
    return text;
  }

  private Object integer(int length) throws PickleException {
    if (length < 0 || length > Limits.INTEGER_BYTES) {
      throw new PickleException(
          "it holds an integer of "
              + Integer.toUnsignedString(length)
              + " bytes, allowed are "
              + Limits.INTEGER_BYTES);
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
      if (text.length() == Limits.GLOBAL) {
        throw new PickleException("it is malformed: the name of a global does not end");
      }
      text.append((char) (b & 255));
    }
    return text.toString();
  }
}
