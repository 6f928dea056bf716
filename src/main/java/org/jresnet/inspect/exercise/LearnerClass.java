package org.jresnet.inspect.exercise;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URI;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.jresnet.base.RegularFile;
import org.jresnet.base.Text;
import org.jresnet.base.UserError;

/** A learner's class, compiled in memory. It sees Java's own classes and nothing of jresnet. */
final class LearnerClass {
  private static final int MAX_BYTES = 1 << 20;
  private static final int MOST_ERRORS = 10;

  private final String file;
  private final Class<?> type;

  private LearnerClass(String file, Class<?> type) {
    this.file = file;
    this.type = type;
  }

  /**
   * Compiles a file.
   *
   * @param name of the class that it must have
   * @throws Wrong when it does not compile, with the compiler's messages as the hint
   * @throws UserError when the file cannot be read
   */
  static LearnerClass compile(Path source, String name) {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    String text = RegularFile.text(source, "the exercise", MAX_BYTES);
    String file = source.getFileName().toString();
    DiagnosticCollector<JavaFileObject> messages = new DiagnosticCollector<>();
    try (Classes classes =
        new Classes(compiler.getStandardFileManager(messages, Locale.ROOT, null))) {
      JavaFileObject unit =
          new SimpleJavaFileObject(
              URI.create("memory:///" + name + ".java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
              return text;
            }
          };
      List<String> options = List.of("-proc:none", "-g", "-classpath", "");
      boolean done =
          compiler
              .getTask(new StringWriter(), classes, messages, options, null, List.of(unit))
              .call();
      if (!done) {
        throw new Wrong(file + " does not compile", Optional.of(errors(file, messages)));
      }
      return new LearnerClass(file, classes.load(file, name));
    } catch (IOException e) {
      throw new UserError("cannot compile " + source + ": " + e.getMessage(), e);
    }
  }

  private static String errors(String file, DiagnosticCollector<JavaFileObject> messages) {
    return messages.getDiagnostics().stream()
        .filter(d -> d.getKind() == Diagnostic.Kind.ERROR)
        .limit(MOST_ERRORS)
        .map(
            d ->
                Text.format(
                    "%s:%d: %s",
                    file,
                    d.getLineNumber(),
                    d.getMessage(Locale.ROOT)
                        .lines()
                        .map(String::strip)
                        .collect(Collectors.joining(" "))))
        .collect(Collectors.joining("; "));
  }

  /** What the compiler writes, as a class loader. */
  private static final class Classes extends ForwardingJavaFileManager<JavaFileManager> {
    private final Map<String, ByteArrayOutputStream> written = new HashMap<>();

    Classes(JavaFileManager standard) {
      super(standard);
    }

    @Override
    public JavaFileObject getJavaFileForOutput(
        Location location, String name, JavaFileObject.Kind kind, FileObject sibling) {
      return new SimpleJavaFileObject(URI.create("memory:///" + name + ".class"), kind) {
        @Override
        public OutputStream openOutputStream() {
          return written.computeIfAbsent(name, n -> new ByteArrayOutputStream());
        }
      };
    }

    Class<?> load(String file, String name) {
      ClassLoader loader =
          new ClassLoader(ClassLoader.getPlatformClassLoader()) {
            @Override
            protected Class<?> findClass(String wanted) throws ClassNotFoundException {
              ByteArrayOutputStream bytes = written.get(wanted);
              if (bytes == null) {
                throw new ClassNotFoundException(wanted);
              }
              return defineClass(wanted, bytes.toByteArray(), 0, bytes.size());
            }
          };
      try {
        return Class.forName(name, true, loader);
      } catch (ClassNotFoundException e) {
        throw new Wrong(
            Text.format(
                "%s has no class %s; it has %s. Declare no package, and keep the name",
                file, name, written.keySet()));
      } catch (LinkageError e) {
        throw new Wrong(Text.format("class %s cannot be initialised: %s", name, e));
      }
    }
  }

  /**
   * Calls a static method.
   *
   * @throws Wrong when there is no such method, or when it throws, naming the line
   */
  Object call(String name, List<Object> arguments) {
    Method method = method(name, arguments);
    try {
      return method.invoke(null, arguments.toArray());
    } catch (InvocationTargetException e) {
      Throwable thrown = e.getCause();
      if (thrown instanceof UnsupportedOperationException && isStub(thrown)) {
        throw new Wrong(name + " is not written yet");
      }
      throw new Wrong(
          Text.format("%s threw %s%s", name, describe(thrown), at(thrown.getStackTrace())),
          hint(thrown));
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e);
    }
  }

  private static boolean isStub(Throwable thrown) {
    return "TODO".equals(thrown.getMessage());
  }

  private static String describe(Throwable thrown) {
    String message = thrown.getMessage();
    return thrown.getClass().getSimpleName() + (message == null ? "" : ": " + message);
  }

  private static Optional<String> hint(Throwable thrown) {
    if (thrown instanceof ArrayIndexOutOfBoundsException) {
      return Optional.of(
          "which index is it, and what does the formula say about places outside of the tensor?");
    } else if (thrown instanceof StackOverflowError) {
      return Optional.of("a method calls itself without an end");
    }
    return Optional.empty();
  }

  /** The innermost line of the learner's code: {@code , at Conv.java:12}. */
  String at(StackTraceElement... frames) {
    return Arrays.stream(frames)
        .filter(f -> f.getClassName().equals(type.getName()))
        .findFirst()
        .map(f -> Text.format(", at %s:%d", file, f.getLineNumber()))
        .orElse("");
  }

  private Method method(String name, List<Object> arguments) {
    Class<?>[] types = arguments.stream().map(LearnerClass::type).toArray(Class<?>[]::new);
    try {
      Method method = type.getDeclaredMethod(name, types);
      if (!Modifier.isStatic(method.getModifiers())) {
        throw new Wrong(name + " must be static");
      }
      method.setAccessible(true);
      return method;
    } catch (NoSuchMethodException e) {
      throw new Wrong(
          Text.format(
              "%s has no method %s(%s); keep what the stub declares",
              file,
              name,
              Arrays.stream(types).map(Class::getSimpleName).collect(Collectors.joining(", "))));
    }
  }

  private static Class<?> type(Object argument) {
    if (argument instanceof Integer) {
      return int.class;
    } else if (argument instanceof Long) {
      return long.class;
    } else if (argument instanceof Double) {
      return double.class;
    }
    return argument.getClass();
  }
}
