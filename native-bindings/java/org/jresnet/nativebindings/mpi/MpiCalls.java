package org.jresnet.nativebindings.mpi;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.Name;
import org.bytedeco.javacpp.annotation.Platform;

/** The functions of {@code native-bindings/mpi/jresnet_mpi.h}, one to one. */
@Platform(include = "jresnet_mpi.h", library = "jresnetmpi")
final class MpiCalls {
  private MpiCalls() {}

  @Name("jresnet_mpi_interface")
  static native int version();

  @Name("jresnet_mpi_start")
  static native int start();

  @Name("jresnet_mpi_rank")
  static native int rank();

  @Name("jresnet_mpi_size")
  static native int size();

  @Name("jresnet_mpi_slots")
  static native int slots();

  @Name("jresnet_mpi_sum")
  static native int sum(int slot, @Cast("void*") Pointer values, int count, int element);

  @Name("jresnet_mpi_broadcast")
  static native int broadcast(int slot, @Cast("void*") Pointer values, int bytes, int from);

  @Name("jresnet_mpi_barrier")
  static native int barrier(int slot);

  @Name("jresnet_mpi_test")
  static native int test(int slot);

  @Name("jresnet_mpi_tell")
  static native int tell(int rank, long calls);

  @Name("jresnet_mpi_hear")
  static native int hear();

  @Name("jresnet_mpi_heard")
  static native long heard();

  @Name("jresnet_mpi_library")
  @Cast("const char*")
  static native String library();

  @Name("jresnet_mpi_error")
  @Cast("const char*")
  static native String error(int code);

  @Name("jresnet_mpi_abort")
  static native int abort(int code);

  @Name("jresnet_mpi_finish")
  static native int finish();
}
