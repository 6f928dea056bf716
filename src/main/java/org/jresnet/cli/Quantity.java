package org.jresnet.cli;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jresnet.base.Text;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Numbers with a unit, as options take them. */
final class Quantity {
  private static final Pattern FORM = Pattern.compile("(\\d{1,12}(?:\\.\\d{1,6})?)\\s*([a-z]*)");

  private static final Map<String, Long> NANOS =
      Map.of("us", 1_000L, "ms", 1_000_000L, "s", 1_000_000_000L, "m", 60_000_000_000L);

  private static final Map<String, Long> BYTES =
      Map.of("b", 1L, "kb", 1_000L, "mb", 1_000_000L, "gb", 1_000_000_000L);

  private Quantity() {}

  /** A time, such as 5ms. */
  static final class Time implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      return Duration.ofNanos(whole(text, NANOS, "a time with its unit, such as 5ms, 30s or 2m"));
    }
  }

  /** A number of bytes. */
  record Size(long bytes) {}

  /** A size, such as 20MB. */
  static final class Bytes implements ITypeConverter<Size> {
    @Override
    public Size convert(String text) {
      return new Size(whole(text, BYTES, "a size with its unit, such as 500kB or 20MB"));
    }
  }

  private static long whole(String text, Map<String, Long> units, String expected) {
    Matcher found = FORM.matcher(text.strip().toLowerCase(Locale.ROOT));
    Long unit = found.matches() ? units.get(found.group(2)) : null;
    if (unit == null) {
      throw new TypeConversionException(
          Text.format("expected %s, found '%s'", expected, Text.visible(text)));
    }
    return new BigDecimal(found.group(1)).multiply(BigDecimal.valueOf(unit)).longValue();
  }
}
