package org.jresnet.export;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** Computes ONNX files with ONNX Runtime on the CPU. */
final class OnnxRun implements AutoCloseable {
  private final OrtSession session;

  /** ONNX Runtime 1.29 ends the process without a word where the command line is longer. */
  private static final int LONGEST_COMMAND = 4096;

  OnnxRun(Path file) throws OrtException, IOException {
    assertThat(Files.readAllBytes(Path.of("/proc/self/cmdline")).length)
        .as("bytes of the command line; give the class path by the variable CLASSPATH")
        .isLessThan(LONGEST_COMMAND);
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(2);
    session = OrtEnvironment.getEnvironment().createSession(file.toString(), options);
  }

  Map<String, String> metadata() throws OrtException {
    return new TreeMap<>(session.getMetadata().getCustomMetadata());
  }

  /** All outputs by name, for normalised images in NCHW order. */
  Map<String, float[]> floats(float[] images, long... shape) throws OrtException {
    return floats(OnnxExport.INPUT, images, shape);
  }

  Map<String, float[]> floats(String input, float[] images, long... shape) throws OrtException {
    try (OnnxTensor tensor =
        OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), FloatBuffer.wrap(images), shape)) {
      return run(input, tensor);
    }
  }

  /** All outputs by name, for bytes in NHWC order. */
  Map<String, float[]> bytes(byte[] pixels, long... shape) throws OrtException {
    ByteBuffer direct = ByteBuffer.allocateDirect(pixels.length).order(ByteOrder.nativeOrder());
    direct.put(pixels).flip();
    try (OnnxTensor tensor =
        OnnxTensor.createTensor(
            OrtEnvironment.getEnvironment(), direct, shape, ai.onnxruntime.OnnxJavaType.UINT8)) {
      return run(OnnxExport.PIXELS, tensor);
    }
  }

  private Map<String, float[]> run(String name, OnnxTensor input) throws OrtException {
    Map<String, float[]> outputs = new TreeMap<>();
    try (OrtSession.Result result = session.run(Map.of(name, input))) {
      for (var output : result) {
        FloatBuffer values = ((OnnxTensor) output.getValue()).getFloatBuffer();
        float[] copy = new float[values.remaining()];
        values.get(copy);
        outputs.put(output.getKey(), copy);
      }
    }
    return outputs;
  }

  @Override
  public void close() throws OrtException {
    session.close();
  }
}
