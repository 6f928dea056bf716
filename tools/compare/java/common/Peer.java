package common;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * One engine's side of a row: work on ResNet-50 with 1000 classes, from RGB bytes [n, 224, 224, 3],
 * normalised inside the step.
 */
public abstract class Peer {
  public static final int SIZE = 224;
  public static final int CLASSES = 1000;

  /** Of ImageNet's channels red, green, blue, in units of a byte. */
  public static final float[] MEAN = {0.485f * 255, 0.456f * 255, 0.406f * 255};

  public static final float[] DEVIATION = {0.229f * 255, 0.224f * 255, 0.225f * 255};

  /**
   * What a process was asked for.
   *
   * @param work train or infer
   * @param batch images per step
   * @param threads to compute with
   * @param folder with pixels (16 images), and the models that some peers read
   */
  public record Request(String work, int batch, int threads, Path folder) {
    /** Bytes of the images. */
    public byte[] pixels() throws IOException {
      byte[] all = Files.readAllBytes(folder.resolve("pixels"));
      return java.util.Arrays.copyOf(all, batch * SIZE * SIZE * 3);
    }
  }

  /** Whether the logits can be compared: the weights are those that jresnet computed with. */
  protected abstract boolean sharesWeights();

  /** Name, version, and what the network is. */
  protected abstract String description();

  /** One step of training or inference, ended when it returns; logits [n, 1000] or, of training, nothing. */
  protected abstract float[] step() throws Exception;

  /**
   * Times steps and prints one line of JSON; writes the logits of a peer that shares weights.
   *
   * @param args the work, the batch, the threads, the folder, then the least number of steps and of
   *     seconds that are timed
   */
  protected static void run(String[] args, Opener opener) throws Exception {
    Request request =
        new Request(
            args[0], Integer.parseInt(args[1]), Integer.parseInt(args[2]), Path.of(args[3]));
    int leastSteps = Integer.parseInt(args[4]);
    double leastSeconds = Double.parseDouble(args[5]);
    Peer peer = opener.open(request);
    peer.step();
    float[] logits = peer.step();
    if (peer.sharesWeights()) {
      ByteBuffer bytes = ByteBuffer.allocate(4 * logits.length).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(logits);
      Files.write(request.folder.resolve("found"), bytes.array());
    }
    List<Double> millis = new ArrayList<>();
    double total = 0;
    while (millis.size() < leastSteps || total < 1e3 * leastSeconds) {
      long begin = System.nanoTime();
      peer.step();
      millis.add((System.nanoTime() - begin) / 1e6);
      total += millis.get(millis.size() - 1);
    }
    millis.sort(null);
    int n = millis.size();
    double median = (millis.get((n - 1) / 2) + millis.get(n / 2)) / 2;
    System.out.printf(
        Locale.ROOT,
        "%n{\"median_ms\": %.4f, \"description\": \"%s\", \"shares_weights\": %b}%n",
        median,
        peer.description(),
        peer.sharesWeights());
    System.out.flush();
    Runtime.getRuntime().halt(0); // some engines keep threads or take long to go
  }

  /** Makes the peer. */
  public interface Opener {
    Peer open(Request request) throws Exception;
  }
}
