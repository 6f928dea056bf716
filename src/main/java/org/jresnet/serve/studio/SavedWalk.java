package org.jresnet.serve.studio;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jresnet.base.Digests;
import org.jresnet.base.Json;
import org.jresnet.base.Text;
import org.jresnet.inspect.trace.ValueTrace;

/**
 * A walk as one HTML file that needs no server: the page's own scripts and style with the numbers
 * of one place. Its policy lets nothing else run, and nothing be fetched.
 */
final class SavedWalk {
  /** Rows and columns of maps; larger ones are reduced by averaging. */
  private static final int SIDE = 28;

  /** Channels of a station's result; as many as the page shows at once. */
  private static final int CHANNELS = 16;

  private SavedWalk() {}

  /** The file's text. */
  static String of(Walk walk, Walk.Place place) {
    String data = data(walk, place);
    StringBuilder script = new StringBuilder();
    for (String module : StudioFiles.WALK) {
      script.append(StudioFiles.read(module).replaceAll("(?m)^import .*;$|^export ", ""));
    }
    script.append(StudioFiles.read("saved.js"));
    String style = StudioFiles.read("studio.css");
    return StudioFiles.read("saved.html")
        .replace("{policy}", policy(script.toString(), style))
        .replace(
            "{size}",
            Text.format(
                "%s stations with %s KB of numbers: feature maps of the first %s channels, larger"
                    + " ones reduced to at most %s pixels, and one number of each tensor.",
                walk.steps().size(), data.length() / 1000, CHANNELS, SIDE))
        .replace("{style}", style)
        .replace("{data}", data)
        .replace("{script}", script);
  }

  private static String policy(String script, String style) {
    return Text.format(
        "default-src 'none'; script-src 'sha256-%s'; style-src 'sha256-%s'; img-src data:",
        hash(script), hash(style));
  }

  private static String hash(String text) {
    return Base64.getEncoder()
        .encodeToString(Digests.sha256().digest(text.getBytes(StandardCharsets.UTF_8)));
  }

  private static String data(Walk walk, Walk.Place place) {
    List<List<ValueTrace>> traces = walk.traces(place);
    Map<String, Object> maps = new LinkedHashMap<>();
    for (WalkStep step : walk.steps()) {
      for (int i = 0; i < step.maps().size(); i++) {
        String tensor = step.maps().get(i).tensor();
        boolean result = i == step.maps().size() - 1;
        int first = result ? 0 : walk.channel(place, tensor);
        int count = result ? CHANNELS : 1;
        maps.computeIfAbsent(
            tensor + " " + first + " " + count,
            key -> walk.map(tensor, place.image(), first, count, SIDE));
      }
    }
    Map<String, String> texts = new LinkedHashMap<>();
    traces.forEach(
        step -> step.forEach(t -> texts.computeIfAbsent(t.source().file(), WalkRequests::source)));
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("walk", walk.description());
    values.put("place", place);
    values.put("traces", traces);
    values.put("maps", maps);
    values.put("texts", texts);
    // Inside of a script element only this character could end it.
    return Json.line(values).replace("<", "\\u003c");
  }
}
