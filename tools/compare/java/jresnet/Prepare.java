import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.IntStream;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.engine.Backends;
import org.jresnet.engine.CompileOptions;
import org.jresnet.engine.Executable;
import org.jresnet.engine.Model;
import org.jresnet.models.Architecture;
import org.jresnet.train.ModelFiles;

/**
 * Makes what all peers share: a ResNet-50 with random weights (model.safetensors), 16 random images
 * (pixels: RGB bytes [16, 224, 224, 3]) and the logits that jresnet computes from them (logits:
 * little-endian floats [16, 1000]). Run it with jresnet.jar on the class path.
 */
final class Prepare {
  private static final int BATCH = 16;
  private static final int SIZE = 224;
  private static final int CLASSES = 1000;

  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[0]);
    byte[] pixels = new byte[BATCH * SIZE * SIZE * 3];
    new Random(1).nextBytes(pixels);
    Files.write(folder.resolve("pixels"), pixels);
    Architecture network = Architecture.of("resnet50");
    try (Backend backend = Backends.open("cpu");
        Model model = new Model(network.graph(CLASSES), backend, Precision.FP32)) {
      model.initialize(7, Model.BlockEnd.ONE);
      var classes = IntStream.range(0, CLASSES).mapToObj(String::valueOf).toList();
      var info = ModelFiles.info(network, 64, classes, ModelFiles.preprocess(network));
      ModelFiles.save(model, info, folder.resolve("model.safetensors"));
      var options = CompileOptions.inference(BATCH, SIZE, ModelFiles.normalization(network));
      try (Executable executable = Executable.compile(model, options)) {
        float[] logits = executable.infer(pixels);
        ByteBuffer bytes = ByteBuffer.allocate(4 * BATCH * CLASSES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(logits, 0, BATCH * CLASSES);
        Files.write(folder.resolve("logits"), bytes.array());
      }
    }
  }
}
