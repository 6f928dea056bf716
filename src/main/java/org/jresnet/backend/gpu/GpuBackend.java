package org.jresnet.backend.gpu;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import org.jresnet.backend.Backend;
import org.jresnet.backend.BoundOp;
import org.jresnet.backend.Buffer;
import org.jresnet.backend.InputOp;
import org.jresnet.backend.Interconnect;
import org.jresnet.backend.LossOp;
import org.jresnet.backend.LossSpec;
import org.jresnet.backend.Normalization;
import org.jresnet.backend.OpPlan;
import org.jresnet.backend.OpSpec;
import org.jresnet.backend.Optimizer;
import org.jresnet.backend.Phase;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.backend.Tensor;
import org.jresnet.backend.UpdateRule;
import org.jresnet.backend.gpu.CudnnOptions.Fusion;
import org.jresnet.backend.gpu.GradientSum.Way;
import org.jresnet.base.Closing;
import org.jresnet.base.JpegDevice;
import org.jresnet.base.Named;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.graph.DType;
import org.jresnet.graph.Op;
import org.jresnet.graph.Shape;
import org.jresnet.nativebindings.cuda.CudaDevice;
import org.jresnet.nativebindings.cuda.CudaException;
import org.jresnet.nativebindings.cuda.CudaLibraries;
import org.jresnet.nativebindings.cuda.CudnnHandle;
import org.jresnet.nativebindings.cuda.DeviceProperties;
import org.jresnet.nativebindings.cuda.PinnedMemory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The GPU backend: <a href="https://docs.nvidia.com/deeplearning/cudnn/">cuDNN 9</a> in fp32, tf32,
 * bf16 and fp16 on one NVIDIA GPU.
 */
public final class GpuBackend implements Backend {
  /** What {@link #fuses} says of forms beyond the one that was asked for. */
  public static final String UNASKED = "--fusion does not ask for it";

  private static final Logger LOG = LoggerFactory.getLogger(GpuBackend.class);

  private final String description;
  private final int architecture;
  private final Planner planner;
  private final Optional<Gpu> gpu;
  private final AutoCloseable target;
  private final Optional<PinnedMemory> staging;

  private final Map<String, NvJpegDevice> jpegDevices = new TreeMap<>();

  /** What {@link #fuses} has warned of. */
  private final Set<String> warned = new HashSet<>();

  private GpuBackend(
      String description,
      int architecture,
      Planner planner,
      Optional<Gpu> gpu,
      AutoCloseable target) {
    this.description = description;
    this.architecture = architecture;
    this.planner = planner;
    this.gpu = gpu;
    this.target = target;
    staging = gpu.map(device -> new PinnedMemory(StagedBuffer.STAGING));
  }

  /**
   * Opens a GPU.
   *
   * @throws UserError saying what is missing (a driver, a library by name, a GPU of that index) and
   *     what to install
   */
  public static GpuBackend open(CudnnOptions options) {
    Prerequisites.load(options);
    try {
      Prerequisites.requireDevice(options.device());
      Gpu gpu = new Gpu(options);
      PlanCache cache = new PlanCache(options.cache(), gpu.info().name(), CudnnHandle.version());
      Planner planner =
          new Planner(gpu.dnn(), options, cache, new PlanWorkers(gpu::another)).with(gpu.limits());
      gpu.equip(planner);
      String description =
          gpu.info().name() + ", cuDNN " + CudnnHandle.version() + ", GPU " + options.device();
      return new GpuBackend(description, gpu.info().architecture(), planner, Optional.of(gpu), gpu);
    } catch (CudaException e) {
      throw new UserError("the GPU cannot be used: " + e.getMessage(), e);
    }
  }

  /**
   * Opens cuDNN for a GPU that need not be here: plans can be made and looked at, nothing can run.
   *
   * @throws UserError if a library is missing, or cuDNN does not accept the description
   */
  public static GpuBackend planning(DeviceDescription device, CudnnOptions options) {
    List<String> missing = CudaLibraries.find(options.libraries(), System.getenv()).missing();
    if (!missing.isEmpty()) {
      throw new UserError(
          "planning for "
              + device.name()
              + " needs no GPU, but libraries of NVIDIA's that are not here: "
              + String.join(", ", missing)
              + ". Fetch them (1.6 GB, with a stand-in for the driver) and say where they are:"
              + " ./jresnet plan --device h200 --cuda-libs \"$(tools/cuda-libs ~/cuda-libs)\"");
    }
    Prerequisites.load(options);
    try {
      DeviceProperties properties = new DeviceProperties(device.json());
      PlanCache cache = new PlanCache(options.cache(), device.name(), CudnnHandle.version());
      Planner planner =
          new Planner(
                  properties,
                  options,
                  cache,
                  new PlanWorkers(() -> new DeviceProperties(device.json())))
              .with(device.limits());
      String description = device.name() + " (planning only), cuDNN " + CudnnHandle.version();
      return new GpuBackend(
          description, device.architecture(), planner, Optional.empty(), properties);
    } catch (CudaException e) {
      throw new UserError(
          "cuDNN does not accept the properties of " + device.name() + ": " + e.getMessage(), e);
    }
  }

  /** Whether {@link #open} has what it needs, without opening anything that stays open. */
  public static Support usable(CudnnOptions options) {
    try {
      Prerequisites.load(options);
      Prerequisites.requireDevice(options.device());
      return Support.yes();
    } catch (UserError e) {
      return Support.no(e.getMessage());
    }
  }

  /**
   * The options of a rank that shares its machine with others: with the only GPU that it sees, else
   * with that of its number. Where no GPU is usable they stay as they are.
   *
   * @param number of the rank among those of its machine, from 0
   * @param ranks on its machine
   * @throws UserError when there are fewer GPUs than ranks, but more than one
   */
  public static CudnnOptions ofRank(CudnnOptions options, int number, int ranks) {
    if (usable(options) instanceof Support.No) {
      return options;
    }
    int count = CudaDevice.count();
    if (count > 1 && count < ranks) {
      throw new UserError(
          Text.format(
              "this machine has %s GPUs for %s ranks: start at most as many ranks on a machine as"
                  + " it has GPUs, or say with --gpu which one each rank takes",
              count, ranks));
    }
    return options.withDevice(count == 1 ? options.device() : number);
  }

  @Override
  public Optional<Interconnect> interconnect() {
    return Optional.of(new NcclLink(gpu()));
  }

  @Override
  public JpegDevice jpegDevice(String kind) {
    return jpegDevices.computeIfAbsent(kind, k -> new NvJpegDevice(gpu().options(), k));
  }

  @Override
  public String name() {
    return "gpu";
  }

  @Override
  public String description() {
    return description;
  }

  @Override
  public Support supports(Precision precision) {
    int needed =
        switch (precision) {
          case FP32 -> 0;
          case FP16 -> 70;
          case TF32, BF16, INT8 -> 80;
          case FP64 -> Integer.MAX_VALUE;
        };
    if (architecture >= needed) {
      return Support.yes();
    } else if (needed == Integer.MAX_VALUE) {
      return Support.no(
          "the gpu backend computes in fp32, tf32, bf16, fp16 and int8, not in " + precision.id());
    }
    return Support.no(
        "for the gpu backend "
            + precision.id()
            + " needs a GPU of compute capability "
            + needed / 10
            + "."
            + needed % 10
            + ", this one has "
            + architecture / 10
            + "."
            + architecture % 10
            + "; use --precision fp32");
  }

  @Override
  public Precision autoPrecision() {
    return architecture >= 80 ? Precision.BF16 : Precision.FP32;
  }

  @Override
  public Support supports(OpSpec spec) {
    try {
      plan(spec).close();
      return Support.yes();
    } catch (UnsupportedOperationException e) {
      return Support.no(e.getMessage());
    }
  }

  @Override
  public void planAhead(List<OpSpec> specs) {
    planner.ahead(
        specs.stream().distinct().map(s -> (Runnable) () -> Lowering.of(planner, s)).toList());
  }

  @Override
  public OpPlan plan(OpSpec spec) {
    return Lowering.of(planner, spec).on(gpu);
  }

  @Override
  public OpPlan plan(OpSpec spec, String candidate) {
    if (forms(spec).isEmpty()) {
      return plan(spec);
    } else if (spec.op() instanceof Op.BatchNorm) {
      NormPlan.Way way = Named.of(NormPlan.Way.class, "way to compute a norm", candidate);
      return new NormPlan(planner, spec, Optional.of(way)).on(gpu);
    } else if (BlockedConvPlan.suits(spec)) {
      Stem.Way way = Named.of(Stem.Way.class, "way to compute the stem", candidate);
      return Stem.plan(planner, spec, Optional.of(way)).on(gpu);
    }
    Way way = Named.of(Way.class, "way to add gradients", candidate);
    return new ConvPlan(planner, spec, Optional.of(way)).on(gpu);
  }

  /** The ways to compute parts of an op, where there are several; all of them are planned. */
  public List<Form> forms(OpSpec spec) {
    return Lowering.of(planner, spec).forms();
  }

  /**
   * What a step moves through memory at least, as planned: training with Adam, or inference.
   *
   * @param specs in forward order, not empty
   * @param trained number of parameters that the optimizer updates; 0 in inference
   */
  public List<Traffic> traffic(List<OpSpec> specs, long trained) {
    return Traffic.ofStep(specs, spec -> Lowering.of(planner, spec).traffic(), trained);
  }

  @Override
  public BoundOp together(List<BoundOp> ops, Phase phase) {
    return Reorder.together(ops, phase);
  }

  @Override
  public Support fuses(OpSpec spec) {
    if (spec.op() instanceof Op.BatchNorm && !spec.convolves()) {
      return Support.no("batch norms take a ReLU along");
    }
    Fusion asked = spec.convolves() ? Fusion.M : Fusion.G;
    if (!planner.fuses(asked)) {
      return Support.no(UNASKED);
    }
    Optional<String> refusal =
        asked == Fusion.M ? NormConvPlan.refusal(planner, spec) : SummedConv.refusal(planner, spec);
    if (refusal.isPresent() && warned.add(asked + spec.toString())) {
      LOG.warn("--fusion {} leaves a convolution to {} alone: {}", asked, spec.y(), refusal.get());
    }
    return refusal.map(Support::no).orElseGet(Support::yes);
  }

  /**
   * The engines behind an op, in the order of its calls; none where own kernels or cuBLASLt work.
   */
  public List<Choice> choices(OpSpec spec) {
    return new ArrayList<>(Lowering.of(planner, spec).choices());
  }

  /** Forecasts for the memory-bound kernels of our own, by what memory moves at best. */
  public List<KernelForecast> kernels(DType type, double bytesPerSecond) {
    return KernelForecast.of(
        Kernels.resources(architecture, planner.cacheFolder()),
        planner.limits(),
        type,
        bytesPerSecond);
  }

  private Gpu gpu() {
    Gpu opened =
        gpu.orElseThrow(
            () -> new IllegalStateException("opened for planning; there is no GPU to run on"));
    opened.enter();
    return opened;
  }

  @Override
  public Buffer allocate(String purpose, long bytes) {
    try {
      return new StagedBuffer(gpu(), staging.orElseThrow(), bytes);
    } catch (CudaException e) {
      if (e.kind() != CudaException.Kind.OUT_OF_MEMORY) {
        throw e;
      }
      throw new UserError(
          "not enough GPU memory for "
              + purpose
              + ": "
              + (bytes >> 20)
              + " MB are needed, "
              + (CudaDevice.freeBytes() >> 20)
              + " MB of "
              + (gpu().info().memoryBytes() >> 20)
              + " MB are free",
          e);
    }
  }

  @Override
  public OptionalLong freeBytes() {
    gpu.ifPresent(Gpu::enter);
    return gpu.isPresent() ? OptionalLong.of(CudaDevice.freeBytes()) : OptionalLong.empty();
  }

  @Override
  public InputOp input(Shape shape, Normalization normalization, Tensor y) {
    return new GpuInput(gpu(), shape, normalization, y);
  }

  @Override
  public LossOp loss(LossSpec spec, Tensor logits, Tensor dlogits, Tensor gradientScale) {
    return new GpuLoss(gpu(), spec, new GpuLoss.Tensors(logits, dlogits, gradientScale));
  }

  @Override
  public Optimizer optimizer(
      UpdateRule rule, Tensor parameters, Tensor gradients, List<Tensor> states) {
    return new GpuOptimizer(gpu(), rule, parameters, gradients, states);
  }

  @Override
  public Sequence sequence(Runnable work) {
    return gpu().sequence(work);
  }

  @Override
  public Upload upload(Tensor target) {
    return new GpuUpload(gpu(), DeviceBuffer.place(target), Math.toIntExact(target.bytes()));
  }

  @Override
  public boolean asynchronous() {
    return true;
  }

  @Override
  public void synchronize() {
    gpu().synchronize();
  }

  @Override
  public void close() {
    List<AutoCloseable> owned = new ArrayList<>();
    owned.add(target);
    staging.ifPresent(owned::add);
    owned.add(planner);
    owned.addAll(jpegDevices.values());
    Closing.closeAll(owned);
  }
}
