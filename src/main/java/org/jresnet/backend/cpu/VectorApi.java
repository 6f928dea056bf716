package org.jresnet.backend.cpu;

import org.jresnet.backend.Support;

/** Whether kernels of our own can run here. */
final class VectorApi {
  private static final String MODULE = "jdk.incubator.vector";

  /** Bits of a vector from which on they can be faster than oneDNN: AVX2 and newer. */
  private static final int BITS = 256;

  private VectorApi() {}

  static Support supported() {
    if (ModuleLayer.boot().findModule(MODULE).isEmpty()) {
      return Support.no(
          "Java was started without its Vector API; add --add-modules "
              + MODULE
              + " (./jresnet does)");
    }
    int bits = Vectors.bits();
    return bits < BITS
        ? Support.no("vectors of this CPU, or of this JVM's options, have " + bits + " bits")
        : Support.yes();
  }

  /** Bits of a vector, where kernels can run. */
  static int bits() {
    return Vectors.bits();
  }

  /** Loaded only when the module is there. */
  private static final class Vectors {
    static int bits() {
      return org.jresnet.backend.cpu.vector.Rows.vectorBits();
    }
  }
}
