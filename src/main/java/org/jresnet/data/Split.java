package org.jresnet.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jresnet.graph.UserError;

/**
 * Who is trained on, who chooses the best epoch, and who is only looked at in the end.
 *
 * @param classes class names
 * @param parts samples of each part; a part may be empty
 */
public record Split(List<String> classes, Map<Part, List<Sample>> parts) {
  /** Parts of a data set. */
  public enum Part {
    /** The gradient sees these. */
    TRAIN,
    /** The choice of the best epoch sees these. */
    VAL,
    /** Sealed until the end. */
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
   * @param test share of the sealed part, may be 0
   */
  public record Fractions(double train, double val, double test) {
    /** 70 % training, 15 % validation, 15 % sealed. */
    public static final Fractions DEFAULT = new Fractions(0.7, 0.15, 0.15);

    /** Checks the sum. */
    public Fractions {
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
    parts = java.util.Collections.unmodifiableMap(copy);
  }

  /** Samples of one part. */
  public List<Sample> part(Part part) {
    return parts.get(part);
  }

  /**
   * Reads a data folder and splits it: by its own {@code train/}, {@code val/}, {@code test/}
   * folders if it has them, else stratified at random.
   *
   * @param group regular expression on ids whose first group (or whole match) names what must stay
   *     together, or empty
   */
  public static Split of(Path root, Fractions fractions, long seed, String group) {
    List<String> folders = ImageFolder.folders(root);
    if (folders.contains("train") && folders.contains("val")) {
      return fixed(root, folders);
    }
    return stratified(ImageFolder.scan(root), fractions, seed, group);
  }

  private static Split fixed(Path root, List<String> folders) {
    List<String> classes = ImageFolder.scan(root.resolve("train")).classes();
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

  /**
   * Splits each class in the same proportions; groups stay whole.
   *
   * @throws UserError when a class has fewer groups than there are parts
   */
  public static Split stratified(Dataset data, Fractions fractions, long seed, String group) {
    Pattern pattern = group.isEmpty() ? null : Pattern.compile(group);
    List<Part> wanted = Arrays.stream(Part.values()).filter(p -> fractions.of(p) > 0).toList();
    Map<Part, List<Sample>> parts = new EnumMap<>(Part.class);
    wanted.forEach(p -> parts.put(p, new ArrayList<>()));
    Map<String, Part> groupPart = new HashMap<>();
    for (int label = 0; label < data.classes().size(); label++) {
      Map<String, List<Sample>> groups = new LinkedHashMap<>();
      int total = 0;
      for (Sample s : data.samples()) {
        if (s.label() == label) {
          groups.computeIfAbsent(key(pattern, s), k -> new ArrayList<>()).add(s);
          total++;
        }
      }
      if (groups.size() < wanted.size()) {
        throw new UserError(
            "class '"
                + data.classes().get(label)
                + "' has "
                + total
                + (total == 1 ? " picture" : " pictures")
                + (pattern == null ? "" : " in " + groups.size() + " groups")
                + ", too few for the "
                + wanted.size()
                + " parts "
                + wanted.stream().map(Part::id).toList()
                + " of the split; add pictures or use fewer parts");
      }
      assign(
          groups,
          total,
          fractions,
          wanted,
          parts,
          groupPart,
          RandomStreams.of(seed, "split", label));
    }
    parts
        .values()
        .forEach(
            list ->
                list.sort(
                    java.util.Comparator.comparingInt(Sample::label).thenComparing(Sample::id)));
    return new Split(data.classes(), parts);
  }

  /**
   * Each group, in random order, goes to the part that is furthest behind its share; every part
   * gets one first.
   */
  private static void assign(
      Map<String, List<Sample>> groups,
      int total,
      Fractions fractions,
      List<Part> wanted,
      Map<Part, List<Sample>> parts,
      Map<String, Part> groupPart,
      SplittableRandom random) {
    List<String> keys = new ArrayList<>(groups.keySet());
    Map<Part, Integer> filled = new EnumMap<>(Part.class);
    int[] order = RandomStreams.permutation(keys.size(), random);
    for (int i = 0; i < order.length; i++) {
      String key = keys.get(order[i]);
      Part target = groupPart.get(key);
      if (target == null) {
        int left = order.length - i;
        List<Part> empty = wanted.stream().filter(p -> !filled.containsKey(p)).toList();
        List<Part> choice = left <= empty.size() ? empty : wanted;
        double worst = Double.NEGATIVE_INFINITY;
        for (Part p : choice) {
          double behind = fractions.of(p) * total - filled.getOrDefault(p, 0);
          if (behind > worst) {
            worst = behind;
            target = p;
          }
        }
        groupPart.put(key, target);
      }
      parts.get(target).addAll(groups.get(key));
      filled.merge(target, groups.get(key).size(), Integer::sum);
    }
  }

  private static String key(Pattern pattern, Sample sample) {
    if (pattern == null) {
      return sample.id();
    }
    Matcher m = pattern.matcher(sample.id());
    if (!m.find()) {
      throw new UserError("the group pattern '" + pattern + "' does not match " + sample.id());
    }
    return m.groupCount() > 0 ? m.group(1) : m.group();
  }

  /** Reads {@code file,class,split} lines; files are relative to {@code root}. */
  public static Split readCsv(Path csv, Path root) {
    Map<Part, List<Sample>> parts = new EnumMap<>(Part.class);
    List<String[]> rows = new ArrayList<>();
    try {
      List<String> lines = Files.readAllLines(csv);
      for (int i = 1; i < lines.size(); i++) {
        String line = lines.get(i);
        int second = line.lastIndexOf(',');
        int first = line.lastIndexOf(',', second - 1);
        if (first < 0) {
          throw new UserError(
              csv + " line " + (i + 1) + ": expected file,class,split, found '" + line + "'");
        }
        rows.add(
            new String[] {
              line.substring(0, first),
              line.substring(first + 1, second),
              line.substring(second + 1)
            });
      }
    } catch (IOException e) {
      throw new UserError("the split file " + csv + " cannot be read: " + e, e);
    }
    List<String> classes = rows.stream().map(r -> r[1]).distinct().sorted().toList();
    for (String[] row : rows) {
      Part part =
          Arrays.stream(Part.values())
              .filter(p -> p.id().equals(row[2]))
              .findFirst()
              .orElseThrow(
                  () ->
                      new UserError(csv + ": expected train, val or test, found '" + row[2] + "'"));
      parts
          .computeIfAbsent(part, p -> new ArrayList<>())
          .add(new Sample(root.resolve(row[0]), row[0], classes.indexOf(row[1])));
    }
    for (Part needed : List.of(Part.TRAIN, Part.VAL)) {
      if (!parts.containsKey(needed)) {
        throw new UserError(csv + ": no line belongs to the part " + needed.id());
      }
    }
    return new Split(classes, parts);
  }

  /** The lines of {@code split.csv}. */
  public List<String> csv() {
    List<String> lines = new ArrayList<>(List.of("file,class,split"));
    parts.forEach(
        (part, samples) ->
            samples.forEach(
                s -> lines.add(s.id() + "," + classes.get(s.label()) + "," + part.id())));
    return lines;
  }

  /** SHA-256 of the lines of {@code split.csv}. */
  public String hash() {
    return Dataset.hash(csv());
  }
}
