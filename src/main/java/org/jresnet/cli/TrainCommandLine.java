package org.jresnet.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jresnet.base.Named;
import org.jresnet.base.Text;
import org.jresnet.train.TrainOptions;
import org.jresnet.train.Training;

/** The {@code train} command that starts a run with given options. */
final class TrainCommandLine {
  /** What the defaults of other options depend on, or what depends on the machine. */
  private static final Set<String> ALWAYS = Set.of("--model", "--backend", "--precision");

  private TrainCommandLine() {}

  /** The command, which names only what is not the default, and {@link #ALWAYS}. */
  static String of(TrainOptions options, Path out) {
    TrainOptions plain =
        Training.on(Path.of(options.data()))
            .architecture(options.network().model())
            .options(options.network().backend(), options.network().precision());
    Map<String, Function<TrainOptions, Object>> all = new LinkedHashMap<>();
    all.put("--epochs", TrainOptions::epochs);
    all.putAll(ResumeOptions.FIXED);
    all.put("--patience", TrainOptions::patience);
    all.put("--positive", TrainOptions::positive);
    List<String> words = new ArrayList<>(List.of("./jresnet train"));
    words.add(Text.shellWord(options.data()));
    words.add("--out");
    words.add(Text.shellWord(out));
    all.forEach(
        (name, value) -> {
          Object v = value.apply(options);
          if (ALWAYS.contains(name) || !v.equals(value.apply(plain))) {
            words.add(v.equals(true) ? name : name + " " + Text.shellWord(text(v)));
          }
        });
    return String.join(" ", words).replace(" --drop-last false", " --drop-last=false");
  }

  private static String text(Object value) {
    if (value instanceof Named named) {
      return named.id();
    }
    if (value instanceof List<?> list) {
      return list.stream().map(TrainCommandLine::text).collect(Collectors.joining(","));
    }
    return value.toString();
  }
}
