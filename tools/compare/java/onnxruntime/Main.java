package onnxruntime;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions;
import common.Peer;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.Map;

/** ONNX Runtime on the file that jresnet export --with-preprocessing wrote; it cannot train. */
final class Main extends Peer {
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;
  private final Map<String, OnnxTensor> input;
  private final float[] logits;

  private Main(Request request) throws Exception {
    if (request.work().equals("train")) {
      throw new UnsupportedOperationException("ONNX Runtime for Java from Maven Central cannot train");
    }
    SessionOptions options = new SessionOptions();
    options.setIntraOpNumThreads(request.threads());
    options.setOptimizationLevel(SessionOptions.OptLevel.ALL_OPT);
    session = environment.createSession(request.folder().resolve("model.onnx").toString(), options);
    ByteBuffer pixels = ByteBuffer.allocateDirect(request.batch() * SIZE * SIZE * 3);
    pixels.put(request.pixels()).flip();
    long[] shape = {request.batch(), SIZE, SIZE, 3};
    String name = session.getInputNames().iterator().next();
    input = Map.of(name, OnnxTensor.createTensor(environment, pixels, shape, OnnxJavaType.UINT8));
    logits = new float[request.batch() * CLASSES];
  }

  @Override
  protected boolean sharesWeights() {
    return true;
  }

  @Override
  protected String description() {
    return "ONNX Runtime " + environment.getVersion();
  }

  @Override
  protected float[] step() throws Exception {
    try (OrtSession.Result result = session.run(input)) {
      FloatBuffer values = ((OnnxTensor) result.get(0)).getFloatBuffer();
      values.get(logits);
      return logits;
    }
  }

  public static void main(String[] args) throws Exception {
    run(args, Main::new);
  }
}
