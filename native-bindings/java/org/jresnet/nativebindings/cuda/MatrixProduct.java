package org.jresnet.nativebindings.cuda;

import org.bytedeco.cuda.cublas.cublasLtMatmulAlgo_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulDescOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulHeuristicResult_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulPreferenceOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatrixLayoutOpaque_t;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.jresnet.nativebindings.cuda.CudaException.Kind;

/**
 * {@code C = op(A) · op(B)} of single-precision matrices stored row by row, with C {@code [m, n]}.
 * cuBLASLt stores by columns, so that it is asked for Cᵀ = op(B)ᵀ · op(A)ᵀ.
 */
public final class MatrixProduct implements AutoCloseable {
  /** How products of single-precision numbers are computed. */
  public enum Math {
    /** In single precision. */
    FP32(cublas.CUBLAS_COMPUTE_32F),
    /** On tensor cores, inputs rounded to TF32. */
    TF32(cublas.CUBLAS_COMPUTE_32F_FAST_TF32);

    private final int code;

    Math(int code) {
      this.code = code;
    }
  }

  /** Whether a factor is used as stored or transposed. */
  public enum Order {
    /** As stored. */
    AS_STORED(cublas.CUBLAS_OP_N),
    /** Transposed. */
    TRANSPOSED(cublas.CUBLAS_OP_T);

    private final int code;

    Order(int code) {
      this.code = code;
    }
  }

  /** Extents: C is {@code [m, n]}, k is summed over. */
  public record Extents(long m, long n, long k) {}

  /** Where the matrices lie, as offsets in their memory. */
  public record Factors(Matrix left, Matrix right, Matrix into, Matrix workspace) {}

  /** Device memory from an offset on. */
  public record Matrix(DeviceMemory memory, long offset) {
    private Pointer pointer() {
      return memory.at(offset, 0);
    }
  }

  /** Of parameters within their arena; cuBLASLt would assume 256. */
  private static final int ALIGNMENT = 16;

  private final BlasLt blas;
  private final cublasLtMatmulDescOpaque_t product = new cublasLtMatmulDescOpaque_t();
  private final cublasLtMatrixLayoutOpaque_t a = new cublasLtMatrixLayoutOpaque_t();
  private final cublasLtMatrixLayoutOpaque_t b = new cublasLtMatrixLayoutOpaque_t();
  private final cublasLtMatrixLayoutOpaque_t c = new cublasLtMatrixLayoutOpaque_t();
  private final cublasLtMatmulAlgo_t algorithm;
  private final cublasLtMatmulHeuristicResult_t result = new cublasLtMatmulHeuristicResult_t();
  private final FloatPointer one = new FloatPointer(new float[] {1});
  private final FloatPointer zero = new FloatPointer(new float[] {0});
  private final long workspaceBytes;

  /**
   * Chooses an algorithm.
   *
   * @param workspaceBytes that each run will get
   */
  public MatrixProduct(
      BlasLt blas, Extents extents, Order orderA, Order orderB, Math math, long workspaceBytes) {
    this.blas = blas;
    this.workspaceBytes = workspaceBytes;
    Check.blas(
        cublas.cublasLtMatmulDescInit(product, math.code, cudart.CUDA_R_32F), "a matrix product");
    // The factors change places, each keeps its order.
    order(cublas.CUBLASLT_MATMUL_DESC_TRANSA, orderB);
    order(cublas.CUBLASLT_MATMUL_DESC_TRANSB, orderA);
    layout(b, extents.k(), extents.n(), orderB);
    layout(a, extents.m(), extents.k(), orderA);
    layout(c, extents.m(), extents.n(), Order.AS_STORED);
    try (cublasLtMatmulPreferenceOpaque_t preference = new cublasLtMatmulPreferenceOpaque_t();
        IntPointer alignment = new IntPointer(new int[] {ALIGNMENT});
        LongPointer most = new LongPointer(new long[] {workspaceBytes});
        IntPointer count = new IntPointer(1)) {
      Check.blas(cublas.cublasLtMatmulPreferenceInit(preference), "a matrix product");
      Check.blas(
          cublas.cublasLtMatmulPreferenceSetAttribute(
              preference, cublas.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, most, Long.BYTES),
          "a matrix product");
      for (int attribute :
          new int[] {
            cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
            cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
            cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
            cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES
          }) {
        Check.blas(
            cublas.cublasLtMatmulPreferenceSetAttribute(
                preference, attribute, alignment, Integer.BYTES),
            "a matrix product");
      }
      Check.blas(
          cublas.cublasLtMatmulAlgoGetHeuristic(
              blas.handle(), product, b, a, c, c, preference, 1, result, count),
          "choosing an algorithm for the matrix product " + extents);
      if (count.get() == 0) {
        throw new CudaException(Kind.NOT_SUPPORTED, "cuBLASLt has no algorithm for " + extents);
      }
    }
    algorithm = result.algo();
  }

  private void order(int attribute, Order order) {
    try (IntPointer value = new IntPointer(new int[] {order.code})) {
      Check.blas(
          cublas.cublasLtMatmulDescSetAttribute(product, attribute, value, Integer.BYTES),
          "a matrix product");
    }
  }

  /** The layout of a factor whose op is {@code [rows, columns]}. */
  private static void layout(
      cublasLtMatrixLayoutOpaque_t layout, long rows, long columns, Order order) {
    long storedRows = order == Order.AS_STORED ? rows : columns;
    long storedColumns = order == Order.AS_STORED ? columns : rows;
    Check.blas(
        cublas.cublasLtMatrixLayoutInit(
            layout, cudart.CUDA_R_32F, storedColumns, storedRows, storedColumns),
        "a matrix layout");
  }

  /** A product with its memory; a run allocates nothing. */
  public final class Bound implements AutoCloseable {
    private final Pointer left;
    private final Pointer right;
    private final Pointer into;
    private final Pointer workspace;

    private Bound(Factors factors) {
      left = factors.left().pointer();
      right = factors.right().pointer();
      into = factors.into().pointer();
      workspace = factors.workspace().pointer();
    }

    /** Sends the product to the stream. */
    public void run(CudaStream stream) {
      Check.blas(
          cublas.cublasLtMatmul(
              blas.handle(),
              product,
              one,
              right,
              b,
              left,
              a,
              zero,
              into,
              c,
              into,
              c,
              algorithm,
              workspace,
              workspaceBytes,
              stream.handle()),
          "a matrix product");
    }

    /** The memory is not this object's. */
    @Override
    public void close() {}
  }

  /** Ties the product to memory; the workspace has the bytes promised to the constructor. */
  public Bound bind(Factors factors) {
    return new Bound(factors);
  }

  @Override
  public void close() {
    product.close();
    a.close();
    b.close();
    c.close();
    result.close();
    one.close();
    zero.close();
  }
}
