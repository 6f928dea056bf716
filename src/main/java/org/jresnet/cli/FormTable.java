package org.jresnet.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jresnet.backend.gpu.Choice;
import org.jresnet.backend.gpu.Form;
import org.jresnet.backend.gpu.GpuBackend;
import org.jresnet.engine.Executable.NamedSpec;

/** What can be computed in several ways: the ways that cuDNN can plan, and which one was taken. */
final class FormTable {
  private FormTable() {}

  static void print(Console console, GpuBackend backend, List<NamedSpec> specs) {
    Map<String, List<String>> layers = new LinkedHashMap<>();
    Map<String, List<Form>> parts = new LinkedHashMap<>();
    for (NamedSpec named : specs) {
      List<Form> forms = backend.forms(named.spec());
      forms.stream()
          .map(Form::part)
          .distinct()
          .forEach(
              part -> {
                layers.computeIfAbsent(part, p -> new ArrayList<>()).add(named.name());
                parts.put(part, forms.stream().filter(f -> f.part().equals(part)).toList());
              });
    }
    parts.forEach(
        (part, forms) -> {
          console.print("%n%s%n  %s", part, String.join(" ", layers.get(part)));
          forms.forEach(form -> print(console, form));
        });
  }

  private static void print(Console console, Form form) {
    String time =
        Double.isNaN(form.milliseconds())
            ? ""
            : String.format(Locale.ROOT, "%.3f ms", form.milliseconds());
    console.print(
        "  %s %-8s %-34s %9s %s",
        form.chosen() ? "*" : " ",
        form.name(),
        form.choice().map(Choice::text).orElse("none"),
        time,
        form.refusal().orElse(""));
  }
}
