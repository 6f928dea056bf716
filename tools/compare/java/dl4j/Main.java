package dl4j;

import common.Peer;
import java.io.InputStream;
import java.util.Properties;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.zoo.model.ResNet50;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;

/** Deeplearning4j with the ResNet-50 of its zoo and weights of its own. */
final class Main extends Peer {
  private final boolean train;
  private final INDArray pixels;
  private final INDArray labels;
  private final INDArray mean = Nd4j.createFromArray(MEAN).reshape(1, 3, 1, 1);
  private final INDArray deviation = Nd4j.createFromArray(DEVIATION).reshape(1, 3, 1, 1);
  private final Properties version = new Properties();
  private final ComputationGraph network;

  private Main(Request request) throws Exception {
    String file = "/META-INF/maven/org.nd4j/nd4j-native/pom.properties";
    try (InputStream in = Nd4j.class.getResourceAsStream(file)) {
      version.load(in);
    }
    train = request.work().equals("train");
    byte[] bytes = request.pixels();
    short[] values = new short[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      values[i] = (short) (bytes[i] & 255);
    }
    pixels =
        Nd4j.createFromArray(values)
            .castTo(DataType.UINT8)
            .reshape(request.batch(), SIZE, SIZE, 3);
    labels = Nd4j.zeros(request.batch(), CLASSES);
    for (int i = 0; i < request.batch(); i++) {
      labels.putScalar(i, i, 1);
    }
    network =
        ResNet50.builder()
            .numClasses(CLASSES)
            .inputShape(new int[] {3, SIZE, SIZE})
            .updater(new Adam(1e-3))
            .build()
            .init();
  }

  @Override
  protected boolean sharesWeights() {
    return false;
  }

  @Override
  protected String description() {
    return "Deeplearning4j "
        + version.getProperty("version")
        + ", ResNet50 of its zoo, "
        + network.numParams()
        + " parameters";
  }

  @Override
  protected float[] step() {
    INDArray x = pixels.permute(0, 3, 1, 2).castTo(DataType.FLOAT).sub(mean).div(deviation);
    if (!train) {
      return network.outputSingle(x).data().asFloat();
    }
    network.fit(new DataSet(x, labels));
    if (Double.isNaN(network.score())) {
      throw new IllegalStateException("the loss is not a number");
    }
    return new float[0];
  }

  public static void main(String[] args) throws Exception {
    run(args, Main::new);
  }
}
