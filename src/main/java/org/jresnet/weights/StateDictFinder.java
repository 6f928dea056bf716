package org.jresnet.weights;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jresnet.base.UserError;
import org.jresnet.weights.PickleCalls.TensorView;

/**
 * Finds the network in what a training script saved: the state dict itself, or dicts around it with
 * epoch, optimizer, averaged weights and single tensors. Says what was taken and what else was
 * there.
 */
final class StateDictFinder {
  /** Names of state dicts in checkpoints, the likeliest first. */
  private static final List<String> USUAL =
      List.of("state_dict", "model_state_dict", "model", "net", "network", "params", "weights");

  /**
   * The network's tensors.
   *
   * @param views by name, without prefixes
   * @param notes what was unwrapped, removed and left out
   */
  record Found(Map<String, TensorView> views, List<String> notes) {}

  /** A dict that holds tensors: its keys from the outermost dict on, and how many there are. */
  private record Candidate(List<String> path, PickleDict dict, int tensors, int dotted) {
    String name() {
      return String.join(".", path);
    }
  }

  private final Path file;
  private final WeightFiles.Wanted wanted;

  StateDictFinder(Path file, WeightFiles.Wanted wanted) {
    this.file = file;
    this.wanted = wanted;
  }

  /**
   * Looks for the network.
   *
   * @throws UserError when there are no tensors, or the names are impossible
   */
  Found find(Object value) {
    if (value instanceof TensorView) {
      throw broken("it holds a single tensor, expected a dict of tensors");
    }
    if (!(value instanceof PickleDict whole)) {
      throw broken("it holds no state dict (a dict of tensors)");
    }
    List<Candidate> candidates = candidates(whole);
    if (candidates.isEmpty()) {
      throw broken(
          "it holds no tensors in dicts; its entries are: "
              + FileBytes.show(beside(whole, List.of("")))
              + ". Save only the weights: torch.save(model.state_dict(), file)");
    }
    Candidate taken = choose(candidates);
    List<String> notes = new ArrayList<>();
    if (!taken.path().isEmpty()) {
      List<String> left = beside(whole, taken.path());
      notes.add(
          "took the entry '"
              + FileBytes.show(taken.name())
              + "' of a checkpoint"
              + (left.isEmpty() ? "" : ", left out: " + FileBytes.show(left)));
    }
    List<String> rivals =
        candidates.stream()
            .filter(c -> c != taken && c.dotted() > 0 && 2 * c.dotted() >= taken.dotted())
            .map(
                c ->
                    (c.path().isEmpty() ? "the outermost dict" : c.name())
                        + " ("
                        + c.tensors()
                        + " tensors)")
            .toList();
    if (!rivals.isEmpty()) {
      notes.add(
          "other state dicts in it: "
              + FileBytes.show(rivals)
              + "; jresnet convert --entry NAME takes one of them");
    }
    Map<String, TensorView> views = views(taken, notes);
    Optional<NetworkNames.Fit> fit = NetworkNames.find(views.keySet(), wanted.networks());
    Map<String, TensorView> stripped = NetworkNames.strip(views, fit, notes);
    // Without its prefix a name may be one that it must not be.
    stripped.keySet().forEach(this::requireName);
    return new Found(stripped, notes);
  }

  private void requireName(String name) {
    TensorNames.check(name)
        .ifPresent(
            problem -> {
              throw broken(problem);
            });
  }

  /**
   * All dicts with tensors, in the order of their depth; a dict that is there twice counts once.
   */
  private static List<Candidate> candidates(PickleDict whole) {
    List<Candidate> found = new ArrayList<>();
    Set<PickleDict> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    Deque<Candidate> open = new ArrayDeque<>(List.of(new Candidate(List.of(), whole, 0, 0)));
    seen.add(whole);
    while (!open.isEmpty()) {
      Candidate next = open.remove();
      int tensors = 0;
      int dotted = 0;
      for (int i = 0; i < next.dict().size(); i++) {
        if (!(next.dict().key(i) instanceof String key)) {
          continue;
        }
        if (next.dict().value(i) instanceof TensorView) {
          tensors++;
          dotted += key.indexOf('.') >= 0 ? 1 : 0;
        } else if (next.dict().value(i) instanceof PickleDict inner
            && next.path().size() < Limits.WRAPPERS
            && seen.add(inner)) {
          List<String> path = new ArrayList<>(next.path());
          path.add(key);
          open.add(new Candidate(path, inner, 0, 0));
        }
      }
      if (tensors > 0) {
        found.add(new Candidate(next.path(), next.dict(), tensors, dotted));
      }
    }
    return found;
  }

  private Candidate choose(List<Candidate> candidates) {
    if (wanted.entry().isPresent()) {
      return candidates.stream()
          .filter(c -> c.name().equals(wanted.entry().get()))
          .findFirst()
          .orElseThrow(
              () ->
                  new UserError(
                      file
                          + " has no state dict called "
                          + FileBytes.show(wanted.entry().get())
                          + "; it has "
                          + FileBytes.show(candidates.stream().map(Candidate::name).toList())));
    }
    List<Candidate> likeliest = new ArrayList<>(candidates);
    likeliest.sort(
        Comparator.comparingInt((Candidate c) -> -fit(c))
            .thenComparingInt(c -> -c.dotted())
            .thenComparingInt(StateDictFinder::rank)
            .thenComparingInt(c -> c.path().size())
            .thenComparingInt(c -> -c.tensors()));
    return likeliest.get(0);
  }

  /** 2 for a network that is looked for, 1 for one without its classifier. */
  private int fit(Candidate candidate) {
    return NetworkNames.find(candidate.dict().byName().keySet(), wanted.networks())
        .map(f -> f.whole() ? 2 : 1)
        .orElse(0);
  }

  private static int rank(Candidate candidate) {
    if (candidate.path().isEmpty()) {
      return USUAL.size();
    }
    String last = candidate.path().get(candidate.path().size() - 1).toLowerCase(Locale.ROOT);
    int usual = USUAL.indexOf(last);
    if (usual >= 0) {
      return usual;
    }
    boolean optimizer = candidate.name().toLowerCase(Locale.ROOT).contains("optim");
    boolean averaged = last.contains("ema") || last.contains("swa") || last.contains("average");
    return USUAL.size() + (optimizer ? 3 : averaged ? 2 : 1);
  }

  /** The tensors by name; what else the dict holds is noted. */
  private Map<String, TensorView> views(Candidate taken, List<String> notes) {
    Map<String, TensorView> views = new LinkedHashMap<>();
    Map<String, Object> byName = taken.dict().byName();
    List<String> others = new ArrayList<>();
    byName.forEach(
        (name, value) -> {
          if (value instanceof TensorView view) {
            requireName(name);
            views.put(name, view);
          } else {
            others.add(FileBytes.show(name));
          }
        });
    if (views.size() > Limits.TENSORS) {
      throw broken("it holds " + views.size() + " tensors, allowed are " + Limits.TENSORS);
    }
    for (int i = 0; i < taken.dict().size(); i++) {
      if (!(taken.dict().key(i) instanceof String)) {
        others.add(show(taken.dict().key(i)));
      }
    }
    if (!others.isEmpty()) {
      notes.add("left out entries that are no tensors: " + FileBytes.show(others));
    }
    return views;
  }

  /** What else the dicts on the way hold. */
  private static List<String> beside(PickleDict whole, List<String> path) {
    List<String> left = new ArrayList<>();
    PickleDict dict = whole;
    for (int depth = 0; depth < path.size() && dict != null; depth++) {
      PickleDict next = null;
      for (int i = 0; i < dict.size(); i++) {
        if (!path.get(depth).equals(dict.key(i))) {
          left.add(show(dict.key(i)));
        } else if (dict.value(i) instanceof PickleDict inner) {
          next = inner;
        }
      }
      dict = next;
    }
    return left;
  }

  /** Keys may be anything that is no container. */
  private static String show(Object key) {
    boolean plain = key == null || key instanceof Number || key instanceof Boolean;
    return plain || key instanceof String ? FileBytes.show(key) : "(no text)";
  }

  private UserError broken(String problem) {
    return PyTorchReader.broken(file, problem);
  }
}
