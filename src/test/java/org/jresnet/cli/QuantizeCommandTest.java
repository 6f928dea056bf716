package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.jresnet.cli.Cli.jresnet;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import org.jresnet.backend.Backend;
import org.jresnet.backend.Precision;
import org.jresnet.backend.Support;
import org.jresnet.cli.Cli.Result;
import org.jresnet.engine.Backends;
import org.junit.jupiter.api.Test;

/** {@code quantize}, and what its models compute. */
final class QuantizeCommandTest extends SmallRun {
  @Test
  void quantizedModelsAgreeAndOthersAreRefused() throws IOException {
    try (Backend backend = Backends.open("cpu")) {
      assumeTrue(
          backend.supports(Precision.INT8) instanceof Support.Yes, "this CPU has no VNNI or AMX");
    }
    Path integers = folder.resolve("int8.safetensors");
    Result made = jresnet("quantize", run, faces, "--out", integers, "--json");
    assertThat(made.code()).as(made.err()).isZero();
    JsonNode effect = JSON.readTree(made.out());
    assertThat(effect.get("agreement").asDouble()).isGreaterThanOrEqualTo(0.9);
    assertThat(effect.get("images").asInt() + effect.get("calibrated").asInt()).isEqualTo(40);
    Result exact = jresnet("evaluate", run, faces, "--precision", "fp32", "--json");
    Result rounded = jresnet("evaluate", integers, faces, "--precision", "int8", "--json");
    assertThat(rounded.code()).as(rounded.err()).isZero();
    assertThat(JSON.readTree(rounded.out()).get("loss").asDouble())
        .isCloseTo(JSON.readTree(exact.out()).get("loss").asDouble(), withinPercentage(10));
    refused(1, "predict {}/run {}/faces --precision int8", "jresnet quantize");
    refused(1, "train {}/faces --out {}/o30 --precision int8", "int8 is for inference");
    refused(1, "quantize {}/run {}/faces --out " + integers, "exists");
    refused(2, "quantize {}/run {}/faces --out {}/x.pth", "must end in .safetensors");
  }
}
