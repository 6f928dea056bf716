package org.jresnet.serve.studio;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jresnet.backend.Precision;
import org.jresnet.base.Png;
import org.jresnet.data.Augmentation;
import org.jresnet.data.Preprocess;
import org.jresnet.data.RgbImage;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.jresnet.testing.SeededWeights;
import org.jresnet.train.Training;

/** A studio over runs of a narrow network, in fp32 on the CPU. */
final class StudioFixture implements AutoCloseable {
  static final int SIZE = 32;
  static final int WIDTH = 4;

  /** A class whose name would be a script, if a page read it as markup. */
  static final String HOSTILE = "<img src=x onerror=document.title='taken'>";

  final Path folder;
  final Path data;
  final Path runs;
  final HttpClient client = HttpClient.newHttpClient();
  private Studio studio;

  StudioFixture(Path folder) throws IOException {
    this.folder = folder;
    data = folder.resolve("data");
    runs = folder.resolve("runs");
    int seed = 0;
    for (String name : List.of(HOSTILE, "plain")) {
      Files.createDirectories(data.resolve(name));
      for (int i = 0; i < 12; i++) {
        byte[] pixels = new SeededWeights(++seed).pixels(1, SIZE, SIZE);
        Png.write(
            new RgbImage(SIZE, SIZE, pixels).toBuffered(), data.resolve(name).resolve(i + ".png"));
      }
    }
  }

  Training training(int epochs) {
    return Training.on(data)
        .split(0.6, 0.4, 0)
        .architecture("resnet18")
        .width(WIDTH)
        .preprocess(new Preprocess(SIZE, Preprocess.Mode.STRETCH))
        .augmentation(Augmentation.NONE)
        .backend(BackendKind.CPU)
        .precision(Precision.FP32)
        .epochs(epochs)
        .batch(4)
        .seed(5);
  }

  Path train(String name, int epochs) {
    Path run = runs.resolve(name);
    training(epochs).run(run);
    return run;
  }

  Studio open(Path root) {
    studio =
        Studio.start(
            new StudioOptions(
                root,
                0,
                () -> Compute.open(BackendKind.CPU, Precision.FP32),
                StudioFixture::jresnet));
    return studio;
  }

  /** The program in a process of its own. */
  static ProcessBuilder jresnet(List<String> arguments) {
    List<String> line = new ArrayList<>();
    line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    line.add("org.jresnet.cli.Main");
    line.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(line);
    builder.environment().put("CLASSPATH", System.getProperty("java.class.path"));
    return builder;
  }

  String address() {
    return studio.address();
  }

  String token() {
    return address().substring(address().indexOf('=') + 1);
  }

  int port() {
    return URI.create(address()).getPort();
  }

  /** A request that bears the cookie. */
  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port() + path))
        .header("Cookie", "jresnet-studio-" + port() + "=" + token());
  }

  HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  HttpResponse<String> get(String path) throws Exception {
    return send(request(path));
  }

  HttpResponse<String> post(String path) throws Exception {
    return send(request(path).POST(HttpRequest.BodyPublishers.noBody()));
  }

  @Override
  public void close() {
    Optional.ofNullable(studio).ifPresent(Studio::close);
  }
}
