package org.jresnet.data;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.jresnet.base.Csv;
import org.jresnet.base.Digests;
import org.jresnet.base.RandomStreams;
import org.jresnet.base.UserError;
import org.jresnet.data.shards.Shards;

/**
 * Who is trained on, who chooses the best epoch, and who is only looked at in the end.
 *
 * @param classes class names
 * @param parts samples of each part; a part may be empty
 */
public record Split(List<String> classes, Map<Part, List<Sample>> parts) {
  private static final List<String> HEADER = List.of("file", "class", "split");

  private static final Comparator<Sample> ORDER =
      Comparator.comparingInt(Sample::label).thenComparing(Sample::id, ImageFolder::pythonOrder);

  /** Parts of a data set. */
  public enum Part {
    /** The gradient sees these. */
    TRAIN,
    /** The best epoch is chosen on these. */
    VAL,
    /** Kept from training and selection until the end. */
    TEST;

    /** Name in files and folders. */
    public String id() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  /**
   * Shares of the parts; they add up to 1.
   *
   * @param train share of training
   * @param val share of validation
   * @param test share of the test set, may be 0
   */
  public record Fractions(double train, double val, double test) {
    /** 70 % training, 15 % validation, 15 % test. */
    public static final Fractions DEFAULT = new Fractions(0.7, 0.15, 0.15);

    /** 80 % training, 20 % validation, no test set: the seed recipe. */
    public static final Fractions SEED_RECIPE = new Fractions(0.8, 0.2, 0);

    /** Checks the sum. */
    public Fractions {
      check(train, val, test);
    }

    /** Refuses shares that are not positive or do not add up to 1. */
    public static void check(double train, double val, double test) {
      if (!(train > 0 && val > 0 && test >= 0) || Math.abs(train + val + test - 1) > 1e-9) {
        throw new UserError(
            "split fractions must be positive and add up to 1, found train "
                + train
                + ", val "
                + val
                + ", test "
                + test);
      }
    }

    double of(Part part) {
      return switch (part) {
        case TRAIN -> train;
        case VAL -> val;
        case TEST -> test;
      };
    }
  }

  /** Copies the collections. */
  public Split {
    classes = List.copyOf(classes);
    Map<Part, List<Sample>> copy = new EnumMap<>(Part.class);
    for (Part part : Part.values()) {
      copy.put(part, List.copyOf(parts.getOrDefault(part, List.of())));
    }
    parts = Collections.unmodifiableMap(copy);
  }

  /** Samples of one part. */
  public List<Sample> part(Part part) {
    return parts.get(part);
  }

  /** All samples, part after part. */
  public List<Sample> all() {
    return parts.values().stream().flatMap(List::stream).toList();
  }

  /**
   * Reads a data folder and splits it: by its own {@code train/}, {@code val/}, {@code test/}
   * folders if it has them, else stratified at random.
   *
   * @param group regular expression on ids whose first group (or whole match) names what must stay
   *     together, or empty; own folders are only checked against it
   * @throws UserError as {@link ImageFolder#scan(Path)} and {@link #stratified}
   */
  public static Split of(Path given, Fractions fractions, long seed, String group) {
    Path root = Shards.enter(given);
    if (!hasOwnParts(root)) {
      return stratified(ImageFolder.scan(root), fractions, seed, group);
    }
    List<String> folders = ImageFolder.folders(root);
    if (!folders.contains(Part.VAL.id())) {
      throw new UserError(
          root
              + ": expected the parts train, val and perhaps test, found "
              + folders
              + "; move some images of each class from train to val, or give the folder train"
              + " itself to have it split");
    }
    Split split = ownParts(root);
    split.requireGroupsApart(Grouping.of(group));
    return split;
  }

  /** Whether a data folder has nothing but the folders {@code train}, {@code val}, {@code test}. */
  public static boolean hasOwnParts(Path given) {
    Path root = Shards.enter(given);
    List<String> folders = ImageFolder.folders(root);
    List<String> parts = Arrays.stream(Part.values()).map(Part::id).toList();
    return folders.contains(Part.TRAIN.id()) && parts.containsAll(folders);
  }

  /** The parts that a data folder {@linkplain #hasOwnParts has}. */
  public static Split ownParts(Path given) {
    Path root = Shards.enter(given);
    List<String> folders = ImageFolder.folders(root);
    List<String> classes = ImageFolder.scan(root.resolve(Part.TRAIN.id())).classes();
    Map<Part, List<Sample>> parts = new EnumMap<>(Part.class);
    for (Part part : Part.values()) {
      if (!folders.contains(part.id())) {
        continue;
      }
      Path folder = root.resolve(part.id());
      List<String> found = ImageFolder.folders(folder);
      if (!found.equals(classes)) {
        throw new UserError(
            folder + ": expected the class folders of train, " + classes + ", found " + found);
      }
      parts.put(
          part,
          ImageFolder.scan(folder, classes).samples().stream()
              .map(s -> new Sample(s.file(), part.id() + "/" + s.id(), s.label()))
              .toList());
    }
    return new Split(classes, parts);
  }

  /** Groups of given parts: their ids lose the part's folder first. */
  private void requireGroupsApart(Grouping group) {
    if (!group.isGiven()) {
      return;
    }
    Map<String, Part> seen = new HashMap<>();
    parts.forEach(
        (part, samples) -> {
          for (Sample s : samples) {
            String key = group.key(s.id().substring(part.id().length() + 1));
            Part before = seen.putIfAbsent(key, part);
            if (before != null && before != part) {
              throw new UserError(
                  "the group '"
                      + key
                      + "' lies in the part "
                      + before.id()
                      + " and, with "
                      + s.file()
                      + ", in the part "
                      + part.id()
                      + "; a group must stay on one side");
            }
          }
        });
  }

  /**
   * Splits each class in the same proportions; groups stay whole.
   *
   * @param group as in {@link #of}
   * @throws UserError when a class has fewer images or groups than there are parts, or the pattern
   *     is wrong or does not match an id
   */
  public static Split stratified(Dataset data, Fractions fractions, long seed, String group) {
    Grouping grouping = Grouping.of(group);
    Assignment assignment = new Assignment(fractions);
    for (int label = 0; label < data.classes().size(); label++) {
      Map<String, List<Sample>> groups = new LinkedHashMap<>();
      for (Sample s : data.samples()) {
        if (s.label() == label) {
          groups.computeIfAbsent(grouping.key(s.id()), k -> new ArrayList<>()).add(s);
        }
      }
      assignment.add(
          data.classes().get(label),
          grouping.isGiven() ? "groups" : "images",
          groups,
          RandomStreams.of(seed, "split", label));
    }
    assignment.parts.values().forEach(list -> list.sort(ORDER));
    return new Split(data.classes(), assignment.parts);
  }

  /** Groups on their way to the parts, class after class. */
  private static final class Assignment {
    private final Fractions fractions;
    private final List<Part> wanted;
    private final Map<Part, List<Sample>> parts = new EnumMap<>(Part.class);
    private final Map<String, Part> places = new HashMap<>();

    Assignment(Fractions fractions) {
      this.fractions = fractions;
      wanted = Arrays.stream(Part.values()).filter(p -> fractions.of(p) > 0).toList();
      wanted.forEach(p -> parts.put(p, new ArrayList<>()));
    }

    /**
     * Each group, in random order, goes to the part that is furthest behind its share; groups that
     * an earlier class has placed stay there, and the last ones fill parts that are empty.
     */
    void add(String name, String unit, Map<String, List<Sample>> groups, SplittableRandom random) {
      int total = groups.values().stream().mapToInt(List::size).sum();
      Map<Part, Integer> filled = new EnumMap<>(Part.class);
      List<String> free = new ArrayList<>();
      groups.forEach(
          (key, samples) -> {
            Part place = places.get(key);
            if (place == null) {
              free.add(key);
            } else {
              put(place, samples, filled);
            }
          });
      int[] order = RandomStreams.permutation(free.size(), random);
      for (int i = 0; i < order.length; i++) {
        List<Part> empty = wanted.stream().filter(p -> !filled.containsKey(p)).toList();
        List<Part> choice = order.length - i <= empty.size() ? empty : wanted;
        Part place =
            Collections.max(
                choice,
                Comparator.comparingDouble(
                    p -> fractions.of(p) * total - filled.getOrDefault(p, 0)));
        String key = free.get(order[i]);
        places.put(key, place);
        put(place, groups.get(key), filled);
      }
      if (filled.size() < wanted.size()) {
        throw new UserError(
            "class '"
                + name
                + "' has "
                + groups.size()
                + " "
                + unit
                + (groups.size() == total ? "" : " (" + total + " images)")
                + ", too few for the "
                + wanted.size()
                + " parts "
                + wanted.stream().map(Part::id).toList()
                + " of the split; add images or use fewer parts");
      }
    }

    private void put(Part part, List<Sample> samples, Map<Part, Integer> filled) {
      parts.get(part).addAll(samples);
      filled.merge(part, samples.size(), Integer::sum);
    }
  }

  /**
   * Reads {@code file,class,split} lines; files are relative to {@code root}.
   *
   * @throws UserError naming the line that is wrong, a file that stands twice, or what is missing
   */
  public static Split readCsv(Path csv, Path given) {
    Path root = Shards.enter(given);
    List<List<String>> rows = Csv.read(csv);
    if (rows.isEmpty() || !rows.get(0).equals(HEADER)) {
      throw new UserError(
          csv
              + ": expected the first line "
              + String.join(",", HEADER)
              + ", found "
              + (rows.isEmpty() ? "an empty file" : "'" + String.join(",", rows.get(0)) + "'"));
    }
    List<List<String>> entries = rows.subList(1, rows.size());
    for (int i = 0; i < entries.size(); i++) {
      if (entries.get(i).size() != HEADER.size()) {
        throw new UserError(
            csv + " record " + (i + 2) + ": expected file,class,split, found " + entries.get(i));
      }
    }
    List<String> classes =
        entries.stream().map(r -> r.get(1)).distinct().sorted(ImageFolder::pythonOrder).toList();
    if (classes.size() < 2) {
      throw new UserError(csv + ": expected at least two classes, found " + classes);
    }
    Map<Part, List<Sample>> parts = new EnumMap<>(Part.class);
    Set<String> seen = new HashSet<>();
    for (List<String> row : entries) {
      if (!seen.add(row.get(0))) {
        throw new UserError(csv + ": the file '" + row.get(0) + "' stands there twice");
      }
      Part part =
          Arrays.stream(Part.values())
              .filter(p -> p.id().equals(row.get(2)))
              .findFirst()
              .orElseThrow(
                  () ->
                      new UserError(
                          csv + ": expected train, val or test, found '" + row.get(2) + "'"));
      parts
          .computeIfAbsent(part, p -> new ArrayList<>())
          .add(new Sample(resolve(csv, root, row.get(0)), row.get(0), classes.indexOf(row.get(1))));
    }
    for (Part needed : List.of(Part.TRAIN, Part.VAL)) {
      if (!parts.containsKey(needed)) {
        throw new UserError(csv + ": no line belongs to the part " + needed.id());
      }
    }
    parts.values().forEach(list -> list.sort(ORDER));
    return new Split(classes, parts);
  }

  private static Path resolve(Path csv, Path root, String file) {
    try {
      return root.resolve(file);
    } catch (InvalidPathException e) {
      throw new UserError(csv + ": '" + file + "' is no path: " + e.getReason(), e);
    }
  }

  /** The lines of {@code split.csv}. */
  public List<String> csv() {
    List<String> lines = new ArrayList<>(List.of(Csv.line(HEADER)));
    parts.forEach(
        (part, samples) ->
            samples.forEach(
                s -> lines.add(Csv.line(List.of(s.id(), classes.get(s.label()), part.id())))));
    return lines;
  }

  /** SHA-256 of the lines of {@code split.csv}. */
  public String hash() {
    return Digests.ofLines(csv());
  }
}
