package org.jresnet.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

final class ResumeOptionsTest {
  /** A new option of train cannot be forgotten: beside --resume it is free, fixed or refused. */
  @Test
  void everyOptionIsFreeOrFixed() {
    List<String> names =
        Main.commandLine(new Main())
            .getSubcommands()
            .get("train")
            .getCommandSpec()
            .options()
            .stream()
            .map(o -> o.longestName())
            .toList();
    assertThat(names).contains("--lr", "--resume", "--preset");
    for (String name : names) {
      boolean fixed = ResumeOptions.FIXED.containsKey(name);
      boolean free = ResumeOptions.FREE.contains(name);
      assertThat(fixed ^ free ^ name.equals("--preset"))
          .as("%s is in one of ResumeOptions.FIXED and FREE", name)
          .isTrue();
    }
  }
}
