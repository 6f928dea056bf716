package djl;

import ai.djl.Model;
import ai.djl.basicmodelzoo.cv.classification.ResNetV1;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import common.Peer;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * DJL on its PyTorch engine. Training takes the ResNet-50 of its model zoo. Inference takes a
 * TorchScript file of jresnet's weights if there is one, else the zoo's network with weights of its
 * own.
 */
final class Main extends Peer {
  private final boolean train;
  private final NDManager manager = NDManager.newBaseManager();
  private final NDArray pixels;
  private final NDArray labels;
  private final NDArray mean;
  private final NDArray deviation;
  private final Model model = Model.newInstance("resnet50");
  private final boolean script;
  private final ParameterStore parameters = new ParameterStore(manager, true);
  private Trainer trainer;

  private Main(Request request) throws Exception {
    train = request.work().equals("train");
    Shape images = new Shape(request.batch(), SIZE, SIZE, 3);
    pixels = manager.create(ByteBuffer.wrap(request.pixels()), images, DataType.UINT8);
    labels = manager.arange(0, request.batch(), 1, DataType.INT64);
    mean = manager.create(MEAN, new Shape(1, 3, 1, 1));
    deviation = manager.create(DEVIATION, new Shape(1, 3, 1, 1));
    Path file = request.folder().resolve("model.pt");
    script = !train && Files.exists(file);
    if (script) {
      model.load(file);
      return;
    }
    Block block =
        ResNetV1.builder()
            .setImageShape(new Shape(3, SIZE, SIZE))
            .setNumLayers(50)
            .setOutSize(CLASSES)
            .build();
    model.setBlock(block);
    Shape normalised = new Shape(request.batch(), 3, SIZE, SIZE);
    if (train) {
      trainer =
          model.newTrainer(
              new DefaultTrainingConfig(Loss.softmaxCrossEntropyLoss())
                  .optOptimizer(Optimizer.adam().build()));
      trainer.initialize(normalised);
    } else {
      block.initialize(manager, DataType.FLOAT32, normalised);
    }
  }

  @Override
  protected boolean sharesWeights() {
    return script;
  }

  @Override
  protected String description() {
    String network = script ? "TorchScript of jresnet's weights" : "ResNetV1 of its zoo";
    Engine engine = Engine.getEngine("PyTorch");
    return "DJL "
        + Engine.getDjlVersion()
        + " on PyTorch "
        + engine.getVersion()
        + ", "
        + network
        + (script ? "" : ", " + count() + " parameters");
  }

  private long count() {
    return model.getBlock().getParameters().values().stream()
        .filter(p -> p.requiresGradient())
        .mapToLong(p -> p.getArray().size())
        .sum();
  }

  @Override
  protected float[] step() {
    try (NDManager own = manager.newSubManager()) {
      NDArray bytes = pixels.duplicate();
      bytes.attach(own);
      if (script) {
        NDList result = model.getBlock().forward(parameters, new NDList(bytes), false);
        result.attach(own);
        return result.singletonOrThrow().toFloatArray();
      }
      NDArray x = bytes.transpose(0, 3, 1, 2).toType(DataType.FLOAT32, false);
      x = x.sub(mean).div(deviation);
      if (!train) {
        NDList result = model.getBlock().forward(parameters, new NDList(x), false);
        result.attach(own);
        return result.singletonOrThrow().toFloatArray();
      }
      try (GradientCollector collector = trainer.newGradientCollector()) {
        NDList result = trainer.forward(new NDList(x));
        NDArray loss = trainer.getLoss().evaluate(new NDList(labels), result);
        collector.backward(loss);
        result.attach(own);
        loss.attach(own);
        trainer.step();
        if (Float.isNaN(loss.getFloat())) {
          throw new IllegalStateException("the loss is not a number");
        }
      }
      return new float[0];
    }
  }

  public static void main(String[] args) throws Exception {
    System.setProperty("ai.djl.pytorch.num_threads", args[2]);
    System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
    run(args, Main::new);
  }
}
