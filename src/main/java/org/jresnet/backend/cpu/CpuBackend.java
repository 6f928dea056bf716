package org.jresnet.backend.cpu;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.Contest;
import org.jresnet.backend.InputOp;
import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Mode;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Pass;
import org.jresnet.backend.Precision;
import org.jresnet.backend.RankSums;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.Tuning;
import org.jresnet.backend.UpdateRule;
import org.jresnet.backend.cpu.vector.NormLoops;
import org.jresnet.backend.cpu.vector.PlainNormLoops;
import org.jresnet.backend.cpu.vector.VectorNormLoops;
import org.jresnet.base.Processor;
import org.jresnet.base.UserError;
import org.jresnet.graph.Activation;
import org.jresnet.graph.AvgPool;
import org.jresnet.graph.ChannelShuffle;
import org.jresnet.graph.ChannelSlice;
import org.jresnet.graph.Concat;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.ConvTranspose2d;
import org.jresnet.graph.Dropout;
import org.jresnet.graph.MaxUnpool;
import org.jresnet.graph.Multiply;
import org.jresnet.graph.Op;
import org.jresnet.graph.Scale;
import org.jresnet.graph.Shape;
import org.jresnet.graph.Upsample;
import org.jresnet.nativebindings.NativeCache;
import org.jresnet.nativebindings.onednn.OneDnn;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The CPU backend: <a href="https://oneapi-src.github.io/oneDNN/">oneDNN</a> in fp32, bf16 and
 * int8.
 */
public final class CpuBackend implements Backend {
  private static final Logger LOG = LoggerFactory.getLogger(CpuBackend.class);

  private final OneDnn dnn;
  private final Workers workers;
  private final NormLoops normLoops;
  private final int threads;
  private final Kernels kernels;
  private Optional<RankSums> sums = Optional.empty();

  /** What the description says of kernels of our own. */
  private final String own;

  /** With the defaults of {@link CpuOptions}. */
  public CpuBackend() {
    this(CpuOptions.defaults());
  }

  /**
   * Loads the library. The number of threads is OpenMP's: {@code OMP_NUM_THREADS}, or all
   * processors.
   *
   * @throws UserError if the library cannot be loaded here
   */
  public CpuBackend(CpuOptions options) {
    NativeCache.prepare();
    // Before the library is loaded: where OpenMP is told to bind threads, it binds the one that
    // loads it to one processor, and threads that are started later inherit that.
    threads = threads(System.getenv("OMP_NUM_THREADS"));
    workers = new Workers(threads);
    try {
      dnn = new OneDnn();
    } catch (LinkageError e) {
      workers.close();
      throw new UserError(
          "the oneDNN library cannot be loaded ("
              + NativeCache.reason(e)
              + "); jresnet ships it for Linux on x86-64, this is "
              + System.getProperty("os.name")
              + " on "
              + System.getProperty("os.arch")
              + ". ./jresnet doctor shows more",
          e);
    }
    Support vectors = VectorApi.supported();
    if (vectors instanceof Support.No no && options.tuning() == Tuning.RACE) {
      LOG.info("No kernels of our own are used: {}", no.reason());
    }
    boolean vectorised = vectors instanceof Support.Yes;
    normLoops = vectorised ? new VectorNormLoops() : new PlainNormLoops();
    own =
        options.tuning() == Tuning.OFF
            ? ""
            : vectorised ? ", own " + VectorApi.bits() + "-bit kernels" : ", no own kernels";
    kernels =
        new Kernels(
            this,
            options,
            vectorised ? Optional.of(new OwnKernels(dnn, workers)) : Optional.empty(),
            String.join(
                "-",
                Processor.generation(),
                OneDnn.instructionSet(),
                vectorised ? VectorApi.bits() + "bit" : "novectors",
                threads + "t",
                "java" + Runtime.version().feature(),
                "onednn" + OneDnn.version(),
                "own" + Kernels.VERSION),
            this::library);
  }

  private static int threads(String environment) {
    if (environment != null && environment.matches("[1-9]\\d{0,4}")) {
      return Integer.parseInt(environment);
    }
    return Runtime.getRuntime().availableProcessors();
  }

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public String description() {
    return "oneDNN "
        + OneDnn.version()
        + ", "
        + OneDnn.instructionSet()
        + ", "
        + threads
        + " threads"
        + own;
  }

  @Override
  public Support supports(Precision precision) {
    return switch (precision) {
      case FP32 -> Support.yes();
      case BF16 ->
          OneDnn.hasNativeBf16()
              ? Support.yes()
              : Support.no(
                  "bf16 on the cpu backend needs AVX512_BF16 or AMX instructions, oneDNN finds only"
                      + " "
                      + OneDnn.instructionSet()
                      + "; use --precision fp32");
      case INT8 ->
          OneDnn.hasExactInt8()
              ? Support.yes()
              : Support.no(
                  "int8 on the cpu backend needs VNNI or AMX instructions, without which sums of"
                      + " bytes overflow; oneDNN finds only "
                      + OneDnn.instructionSet()
                      + "; use --precision fp32");
      case TF32, FP16 ->
          Support.no(
              "the cpu backend computes in fp32, bf16 and int8; "
                  + precision.id()
                  + " is for the gpu backend");
      case FP64 -> Support.no("the cpu backend has no double precision; the reference backend has");
    };
  }

  @Override
  public Precision autoPrecision() {
    return OneDnn.hasNativeBf16() ? Precision.BF16 : Precision.FP32;
  }

  @Override
  public Support supports(OpSpec spec) {
    try {
      // Not plan: an answer is not worth a race.
      library(spec).close();
      return Support.yes();
    } catch (UnsupportedOperationException e) {
      return Support.no(e.getMessage());
    }
  }

  /** A ReLU6 behind a norm, where {@link Clip} can make it of a ReLU. */
  @Override
  public Support fuses(OpSpec spec) {
    boolean clips =
        spec.op() instanceof Op.BatchNorm
            && !spec.convolves()
            && spec.activation().stream().anyMatch(a -> a.function() == Activation.Function.RELU6);
    return clips ? supports(spec) : Backend.super.fuses(spec);
  }

  @Override
  public OpPlan plan(OpSpec spec) {
    return kernels.plan(spec);
  }

  /** Who could compute a part. */
  List<Candidate> candidates(Part part) {
    return kernels.candidates(part);
  }

  @Override
  public List<Contest> contests(OpSpec spec) {
    return kernels.contests(spec);
  }

  /**
   * Times the candidates of a contest anew, on memory of its own, after comparing what they compute
   * with what the first one does. Nothing is remembered.
   *
   * @return milliseconds by name; a candidate that computes something else is left out with a
   *     warning
   */
  public Map<String, Double> race(Contest contest) {
    return kernels.race(new Part(contest.spec(), contest.phases()));
  }

  @Override
  public OpPlan plan(OpSpec spec, String candidate) {
    return kernels.plan(spec, candidate);
  }

  @Override
  public void synchronizeNorms(RankSums over) {
    sums = Optional.of(over);
  }

  @Override
  public Map<String, String> choices() {
    return kernels.used();
  }

  @Override
  public void choose(Map<String, String> choices) {
    kernels.stand(choices);
  }

  private OpPlan library(OpSpec spec) {
    Op op = spec.op();
    if (op instanceof Conv2d) {
      return spec.tail().isEmpty()
          ? new ConvPlan(dnn, spec)
          : spec.output().quant().isEmpty()
              ? new FoldedConvPlan(dnn, spec)
              : new QuantizedConvPlan(dnn, spec);
    } else if (op instanceof ConvTranspose2d) {
      return new ConvPlan(dnn, spec);
    } else if (op instanceof Op.BatchNorm) {
      boolean summed =
          sums.isPresent() && spec.mode() == Mode.TRAIN && spec.pass() == Pass.TRAINING;
      return summed || HostNormPlan.suits(spec)
          ? new HostNormPlan(dnn, workers, normLoops, spec, summed ? sums : Optional.empty())
          : new NormPlan(dnn, workers, spec);
    } else if (op instanceof Activation) {
      return new ActivationPlan(dnn, spec);
    } else if (op instanceof Op.Add) {
      return new PointwisePlan.Add(dnn, spec);
    } else if (op instanceof Op.MaxPool) {
      return PoolPlan.max(dnn, spec);
    } else if (op instanceof Op.GlobalAvgPool) {
      return spec.inputs().get(0).quant().isEmpty()
          ? PoolPlan.mean(dnn, spec)
          : new QuantizedAvgPoolPlan(dnn, spec);
    } else if (op instanceof Op.Linear) {
      return new LinearPlan(dnn, spec);
    } else if (op instanceof Multiply) {
      return spec.output().quant().isEmpty()
          ? new MultiplyPlan(dnn, workers, spec)
          : new QuantizedMultiplyPlan(dnn, spec);
    } else if (op instanceof Scale) {
      return new PointwisePlan.Scaling(dnn, spec);
    } else if (op instanceof Dropout) {
      return spec.mode() == Mode.TRAIN
          ? new DropoutPlan(dnn, workers, spec)
          : MovePlan.copy(dnn, workers, spec);
    } else if (op instanceof Concat) {
      return MovePlan.concat(dnn, workers, spec);
    } else if (op instanceof ChannelSlice) {
      return MovePlan.slice(dnn, workers, spec);
    } else if (op instanceof ChannelShuffle) {
      return MovePlan.shuffle(dnn, workers, spec);
    } else if (op instanceof AvgPool) {
      return PoolPlan.average(dnn, spec);
    } else if (op instanceof Upsample) {
      return new UpsamplePlan(dnn, workers, spec);
    } else if (op instanceof MaxUnpool) {
      return new MaxUnpoolPlan(dnn, workers, spec);
    }
    throw new UnsupportedOperationException("the cpu backend has no plan for " + spec);
  }

  @Override
  public Buffer allocate(String purpose, long bytes) {
    MemoryBudget.require(purpose, bytes);
    try {
      return new CpuBuffer(bytes);
    } catch (OutOfMemoryError e) {
      throw new UserError(
          "not enough memory for " + purpose + ": " + (bytes >> 20) + " MB: " + e.getMessage(), e);
    }
  }

  @Override
  public OptionalLong freeBytes() {
    return OptionalLong.of(MemoryBudget.available());
  }

  @Override
  public InputOp input(Shape shape, Normalization normalization, Tensor y) {
    return new HostInput(workers, shape, normalization, y);
  }

  @Override
  public LossOp loss(LossSpec spec, Tensor logits, Tensor dlogits, Tensor gradientScale) {
    return new HostLoss(spec, logits, dlogits, gradientScale);
  }

  @Override
  public Optimizer optimizer(
      UpdateRule rule, Tensor parameters, Tensor gradients, List<Tensor> states) {
    return new HostOptimizer(workers, rule, parameters, gradients, states);
  }

  @Override
  public void close() {
    workers.close();
    dnn.close();
  }
}
