package org.jresnet.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.backend.Contest;
import org.jresnet.base.Text;
import org.jresnet.bench.NetworkContests.Entry;

/** Who computes the ops of a network, by how much it won, and what the others would have cost. */
final class PlanTable {
  private PlanTable() {}

  static void print(Console console, List<Entry> entries) {
    List<Entry> raced = entries.stream().filter(e -> e.contest().raced()).toList();
    int longest =
        raced.stream()
            .mapToInt(e -> e.contest().name().length())
            .reduce("race".length(), Math::max);
    if (!raced.isEmpty()) {
      console.print(
          "%n%s %4s %-10s %-16s %s", pad("race", longest), "ops", "winner", "lead", "cost");
    }
    double chosen = 0;
    double library = 0;
    for (Entry entry : raced) {
      Contest c = entry.contest();
      console.print(
          "%s %4d %-10s %-16s %s",
          pad(c.name(), longest),
          entry.nodes().size(),
          c.winner(),
          c.lead().orElseThrow(),
          c.costs());
      chosen += entry.nodes().size() * c.milliseconds().get(c.winner());
      library += entry.nodes().size() * c.milliseconds().get(c.candidates().get(0));
    }
    raced.forEach(entry -> console.object(values(entry)));
    if (raced.isEmpty()) {
      console.print("%nNo race: %s", reason(entries));
      return;
    }
    String first = raced.get(0).contest().candidates().get(0);
    console.print(
        "%nThese ops: %.2f ms as chosen, %.2f ms with %s alone (%.2fx); %s without a race",
        chosen,
        library,
        first,
        library / chosen,
        Text.count(entries.size() - raced.size(), "other part"));
  }

  private static String reason(List<Entry> entries) {
    return entries.stream().allMatch(e -> e.contest().candidates().size() < 2)
        ? "each op has one implementation here; ./jresnet doctor shows the machine"
        : "the ops are too small to be timed, or --tune off was given";
  }

  private static Map<String, Object> values(Entry entry) {
    Contest c = entry.contest();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("race", c.name());
    values.put("nodes", entry.nodes());
    values.put("winner", c.winner());
    values.put("candidates_ms", c.milliseconds());
    return values;
  }

  private static String pad(String text, int width) {
    return text + " ".repeat(width - text.length());
  }
}
