package org.jresnet.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;
import org.jresnet.data.shards.Shards;

/**
 * One of several parts of a list of images, each for a process of its own. All parts together hold
 * every image once, and their sizes differ by at most one.
 *
 * @param number counts from 1
 * @param count of all parts, at most {@value #MOST}
 */
public record Part(int number, int count) {
  /** Most parts of a list; a table that is put together has that many files open. */
  public static final int MOST = 1000;

  private static final Pattern FORM = Pattern.compile("(\\d{1,9})/(\\d{1,9})");

  /** Images of shards in their shards' order, so that a part reads few shards, and all of them. */
  private static final Comparator<Path> ORDER =
      Comparator.comparing(Shards::folder, ImageFolder::pythonOrder)
          .thenComparingLong(Shards::position)
          .thenComparing(Path::toString, ImageFolder::pythonOrder);

  /** Checks the numbers. */
  public Part {
    if (count < 1 || count > MOST || number < 1 || number > count) {
      throw new UserError(
          Text.format(
              "there is no part %s of %s; parts count from 1, and there are at most %s of them",
              number, count, MOST));
    }
  }

  /**
   * Reads {@code 3/100}.
   *
   * @throws UserError for anything else
   */
  public static Part of(String text) {
    Matcher matcher = FORM.matcher(text);
    if (!matcher.matches()) {
      throw new UserError(
          Text.format(
              "a part is written K/N, such as 3/100 for the third of a hundred, found '%s'", text));
    }
    return new Part(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
  }

  /**
   * The images without repetitions, in an order that does not depend on the order in which they
   * were named or listed: files by path, after them images in shards along the shards.
   */
  public static List<Path> inOrder(List<Path> images) {
    List<Path> sorted = new ArrayList<>(images);
    sorted.sort(ORDER);
    List<Path> once = new ArrayList<>();
    for (Path image : sorted) {
      if (once.isEmpty() || !once.get(once.size() - 1).toString().equals(image.toString())) {
        once.add(image);
      }
    }
    return once;
  }

  /** The stretch of {@link #inOrder} that this part holds; empty where there are more parts. */
  public <T> List<T> of(List<T> all) {
    return all.subList(start(number - 1, all.size()), start(number, all.size()));
  }

  private int start(int part, int size) {
    return (int) ((long) part * size / count);
  }

  @Override
  public String toString() {
    return Text.format("%s/%s", number, count);
  }
}
