package org.jresnet.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jresnet.base.Digests;
import org.jresnet.base.Stopped;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ImageVisitsTest {
  @TempDir private Path folder;

  private List<Path> files() throws IOException {
    List<Path> files = new ArrayList<>();
    byte[] image = Files.readAllBytes(Goldens.image("jpeg-444.jpg"));
    for (int i = 0; i < 40; i++) {
      files.add(Files.write(folder.resolve(i + ".jpg"), image));
    }
    Files.writeString(files.get(7), "no image");
    Files.delete(files.get(9));
    return files;
  }

  private interface Visit {
    void at(int index);
  }

  private static ImageVisits.Visitor visitor(Visit visit, Visit failed) {
    return new ImageVisits.Visitor() {
      @Override
      public void visit(int index, ImageInfo info, RgbImage image, String contentHash) {
        visit.at(index);
      }

      @Override
      public void failed(int index, BadImageException problem) {
        failed.at(index);
      }
    };
  }

  @Test
  void eachFileIsVisitedOnce() throws IOException {
    List<Path> files = files();
    Map<Integer, String> hashes = new ConcurrentHashMap<>();
    ConcurrentLinkedQueue<Integer> visits = new ConcurrentLinkedQueue<>();
    Map<Integer, String> problems = new ConcurrentHashMap<>();
    ImageVisits.all(
        files,
        3,
        () -> false,
        new ImageVisits.Visitor() {
          @Override
          public void visit(int index, ImageInfo info, RgbImage image, String contentHash) {
            assertThat(info.width()).isEqualTo(image.width());
            visits.add(index);
            hashes.put(index, contentHash);
          }

          @Override
          public void failed(int index, BadImageException problem) {
            visits.add(index);
            problems.put(index, problem.getMessage());
          }
        });
    assertThat(visits).hasSize(40).doesNotHaveDuplicates();
    assertThat(problems).containsOnlyKeys(7, 9);
    assertThat(problems.get(9)).contains("does not exist");
    assertThat(hashes.get(0))
        .isEqualTo(Digests.ofFile(files.get(0), "the image", () -> false))
        .isEqualTo(hashes.get(39));
  }

  /** A visitor that fails, such as for want of disk space, ends everything with its own reason. */
  @Test
  void failureOfTheVisitorIsPassedOnAndStopsTheRest() throws IOException {
    List<Path> files = files();
    IllegalStateException full = new IllegalStateException("disk full");
    assertThatThrownBy(
            () ->
                ImageVisits.all(
                    files,
                    2,
                    () -> false,
                    visitor(
                        i -> {
                          throw full;
                        },
                        i -> {})))
        .isSameAs(full);
  }

  @Test
  void stopIsAskedForEachImage() throws IOException {
    List<Path> files = files();
    AtomicInteger visited = new AtomicInteger();
    assertThatThrownBy(
            () ->
                ImageVisits.all(
                    files,
                    1,
                    () -> visited.get() == 5,
                    visitor(i -> visited.incrementAndGet(), i -> visited.incrementAndGet())))
        .isInstanceOf(Stopped.class)
        .hasMessageContaining("5 of 40");
    assertThat(visited).hasValue(5);
  }
}
