package org.jresnet.detect.forensic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jresnet.backend.Precision;
import org.jresnet.base.Csv;
import org.jresnet.base.UserError;
import org.jresnet.detect.forensic.ForensicSet.Part;
import org.jresnet.engine.BackendKind;
import org.jresnet.engine.Compute;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The benchmark on very few scenes: all parts are there; figures mean nothing at this size. */
final class ForensicBenchmarkTest {
  private static final ForensicSettings TINY = new ForensicSettings(20, 32, 2, 1, 1, 3);

  @TempDir Path folder;

  @Test
  void everyPartIsMeasuredAndWritten() throws IOException {
    List<String> stages = new ArrayList<>();
    ForensicBenchmark.Listener listener =
        new ForensicBenchmark.Listener() {
          @Override
          public void stage(String what) {
            stages.add(what);
          }

          @Override
          public void progress(int done, int of) {
            assertThat(done).isBetween(1, of);
          }
        };
    Path out = folder.resolve("bench");
    ForensicResult result;
    try (Compute compute = Compute.open(BackendKind.CPU, Precision.FP32)) {
      result = new ForensicBenchmark(TINY, out, compute, listener).run();
    }
    int generators = ForensicSet.generators().size();
    int detectors = 2 * generators + 3;
    assertThat(generators).isEqualTo(5);
    assertThat(stages).hasSize(4 + detectors);
    JsonNode json = new ObjectMapper().readTree(Files.readString(out.resolve("forensic.json")));
    for (String part : List.of("matrix", "bicubic_against_generator", "after_removal")) {
      assertThat(json.get(part)).as(part).hasSize(detectors * generators);
      for (JsonNode cell : json.get(part)) {
        double auc = cell.get("auc").asDouble();
        assertThat(auc).isBetween(cell.get("auc_low").asDouble(), cell.get("auc_high").asDouble());
        assertThat(cell.get("called_fake").asDouble()).isBetween(0.0, 1.0);
      }
    }
    assertThat(json.get("robustness")).hasSize(3 * 14);
    assertThat(json.get("removal_psnr")).hasSize(generators);
    assertThat(json.get("real_images_through_removal")).hasSize(detectors);
    assertThat(json.get("verdicts")).hasSize(9);
    assertThat(Files.readString(out.resolve("README.md")))
        .contains("all-but-shuffle", "Bicubic against generator", "say nothing about real")
        .contains(result.verdicts());
    assertThatThrownBy(() -> ForensicBenchmark.requireEmpty(out))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("is not empty, and nothing is replaced");
  }

  @Test
  void aSceneIsInOnePartAndEveryDetectorSeesItOnceReallyAndOnceFaked() {
    ForensicSet set = new ForensicSet(folder, new ForensicSettings(200, 32, 2, 1, 1, 3));
    Set<Integer> seen = new HashSet<>();
    for (Part part : Part.values()) {
      assertThat(set.scenes(part)).isNotEmpty().allMatch(seen::add);
    }
    assertThat(seen).hasSize(200);
    List<Detector> detectors = Detector.all();
    assertThat(detectors).hasSize(13);
    for (Detector detector : detectors) {
      Path csv = folder.resolve(detector.name() + ".csv");
      set.writeSplit(detector, csv);
      List<List<String>> rows = Csv.read(csv);
      assertThat(rows).hasSize(1 + 2 * 140);
      List<Integer> test = set.scenes(Part.TEST);
      Set<String> kinds = new HashSet<>();
      Set<String> validated = new HashSet<>();
      for (List<String> row : rows.subList(1, rows.size())) {
        String file = row.get(0);
        assertThat(test)
            .doesNotContain(
                Integer.valueOf(file.substring(file.indexOf('/') + 1, file.indexOf('.'))));
        if (row.get(2).equals("val")) {
          validated.add(file.substring(0, file.indexOf('/')).replace("-removed", ""));
        }
        if (row.get(1).equals("generated")) {
          kinds.add(file.substring(0, file.indexOf('/')));
        }
      }
      // Validation chooses the epoch: it must see what the detector is trained on.
      assertThat(validated)
          .containsAll(detector.generators())
          .contains("camera", "bicubic")
          .hasSize(2 + detector.generators().size());
      boolean redrawnReal =
          rows.stream().anyMatch(r -> r.get(1).equals("real") && r.get(0).contains("-removed"));
      assertThat(redrawnReal).isEqualTo(detector.hardening() == Detector.Hardening.BOTH);
      if (!detector.hardened()) {
        assertThat(kinds).isEqualTo(Set.copyOf(detector.generators()));
      } else {
        assertThat(kinds).contains("nearest", "nearest-removed", "autoencoder-removed");
      }
    }
    assertThat(detectors.stream().filter(d -> d.name().equals("all-but-shuffle")))
        .singleElement()
        .satisfies(d -> assertThat(d.generators()).doesNotContain("shuffle").hasSize(4));
  }

  @Test
  void aCellCountsWhatItSays() {
    Cell apart = Cell.of(new double[] {0.1, 0.2, 0.6, 0.3}, new double[] {0.7, 0.8, 0.9, 0.4});
    assertThat(apart.auc()).isEqualTo(15 / 16.0);
    assertThat(apart.calledFake()).isEqualTo(0.75);
    assertThat(apart.falseAlarms()).isEqualTo(0.25);
    assertThat(apart.aucInterval().low()).isLessThanOrEqualTo(apart.auc());
  }
}
