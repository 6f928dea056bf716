package org.jresnet.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.base.Interpolation;
import org.jresnet.base.UserError;
import org.jresnet.data.Preprocess;
import org.jresnet.data.Scaling;
import org.jresnet.models.Architecture;
import org.jresnet.weights.ModelInfo;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** From the registry through a file's metadata to the pipeline of images. */
final class PublishedPreprocessingTest {
  @ParameterizedTest
  @CsvSource({"resnet50, 256", "resnext101_64x4d, 232"})
  void survivesTheMetadata(String name, int resize) {
    Architecture network = Architecture.of(name);
    Preprocess published = ModelFiles.preprocess(network);
    assertThat(published.size()).isEqualTo(224);
    assertThat(published.mode()).isEqualTo(Preprocess.Mode.CROP);
    assertThat(published.scaling()).isEqualTo(new Scaling(resize, 224, Interpolation.BILINEAR));
    Map<String, String> metadata =
        ModelFiles.info(network, 64, List.of("a", "b"), published).toMetadata();
    assertThat(metadata.containsKey("jresnet.scaling")).isEqualTo(resize != 256);
    assertThat(ModelFiles.preprocess(ModelInfo.of(metadata).orElseThrow())).isEqualTo(published);
  }

  @ParameterizedTest
  @CsvSource({
    "232/224",
    "232/0 bilinear",
    "224/232 bicubic",
    "99999/1 bilinear",
    "232/224 lanczos"
  })
  void damagedScalingIsNamed(String text) {
    Architecture network = Architecture.of("resnet18");
    Map<String, String> metadata =
        new LinkedHashMap<>(
            ModelFiles.info(network, 64, List.of("a"), ModelFiles.preprocess(network))
                .toMetadata());
    metadata.put("jresnet.scaling", text);
    ModelInfo info = ModelInfo.of(metadata).orElseThrow();
    assertThatThrownBy(() -> ModelFiles.preprocess(info))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith("the metadata of jresnet are damaged: scaling is");
  }
}
