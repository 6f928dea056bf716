package org.jresnet.nativebindings.mpi;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalInt;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.jresnet.base.CacheFolder;
import org.jresnet.base.UserError;
import org.jresnet.nativebindings.NativeCache;

/**
 * This process as one of MPI's: calls that begin something and return, and a question whether it is
 * done. Calls may come from several threads.
 */
public final class Mpi {
  /** What {@code tools/build-mpi} makes. */
  public static final String LIBRARY = "libjresnetmpi.so";

  /** Of jresnet_mpi.h. */
  private static final int INTERFACE = 1;

  /** Memory that takes part in calls. */
  public static final class Memory {
    private final ByteBuffer kept;
    private final Pointer start;
    private final int bytes;

    /** The remaining bytes of direct memory. */
    public Memory(ByteBuffer values) {
      if (!values.isDirect()) {
        throw new IllegalArgumentException("expected memory outside of Java's heap");
      }
      kept = values.slice();
      start = new BytePointer(kept);
      bytes = kept.capacity();
    }
  }

  private final int rank;
  private final int size;
  private int slots;

  private Mpi(int rank, int size) {
    this.rank = rank;
    this.size = size;
  }

  /**
   * Where the binding is looked for: the folder in {@code JRESNET_MPI}, else {@code jresnet/mpi} in
   * the user's cache.
   *
   * @param environment such as {@code System.getenv()}
   */
  public static Path library(Map<String, String> environment) {
    String folder = environment.get("JRESNET_MPI");
    return (folder == null || folder.isEmpty()
            ? CacheFolder.of(environment).resolve("jresnet").resolve("mpi")
            : Path.of(folder))
        .resolve(LIBRARY);
  }

  /**
   * Becomes one of MPI's processes; once in a process' life.
   *
   * @param expected how many processes the launcher has said there are
   * @throws UserError saying what is missing or does not fit, and what to do
   */
  public static Mpi start(Path library, OptionalInt expected) {
    load(library);
    try {
      int code = MpiCalls.start();
      if (code == -1) {
        throw new UserError(
            version()
                + " does not allow calls from several threads (MPI_THREAD_MULTIPLE), which jresnet"
                + " needs: take a build of it that does");
      }
      require(code);
    } catch (LinkageError e) {
      throw rebuild(library, "was built for another version of jresnet", e);
    }
    Mpi mpi = new Mpi(MpiCalls.rank(), MpiCalls.size());
    if (expected.isPresent() && expected.getAsInt() != mpi.size) {
      throw new UserError(
          "MPI finds "
              + mpi.size
              + " of them: "
              + library
              + " was built against "
              + version()
              + ", and the launcher belongs to another MPI. Build it again with tools/build-mpi and"
              + " the mpicc that belongs to the launcher; with srun, try --mpi=pmix");
    }
    return mpi;
  }

  /**
   * Loads the binding, by which this process does not join any others yet.
   *
   * @return which MPI it belongs to, in one line
   * @throws UserError when it is missing or cannot be used
   */
  public static String load(Path library) {
    if (!Files.isRegularFile(library)) {
      throw new UserError(
          "there is no binding to MPI: expected "
              + library
              + ". Build it with tools/build-mpi (needs mpicc and g++), against the MPI whose"
              + " mpirun or srun starts the ranks; --ranks solo does without");
    }
    NativeCache.prepare();
    try {
      Loader.load(Pointer.class);
      System.load(library.toAbsolutePath().toString());
    } catch (LinkageError e) {
      throw rebuild(library, "cannot be loaded (" + NativeCache.reason(e) + ")", e);
    }
    try {
      if (MpiCalls.version() == INTERFACE) {
        return version();
      }
    } catch (LinkageError e) {
      throw rebuild(library, "was built for another version of jresnet", e);
    }
    throw rebuild(library, "was built for another version of jresnet", null);
  }

  private static UserError rebuild(Path library, String problem, Throwable cause) {
    return new UserError(
        "the binding to MPI " + library + " " + problem + ": build it again with tools/build-mpi",
        cause);
  }

  /** Which MPI this is, in one line. */
  public static String version() {
    return MpiCalls.library().lines().findFirst().orElse("unknown").strip().replaceAll("\\s+", " ");
  }

  /** Number of this process, from 0. */
  public int rank() {
    return rank;
  }

  /** How many there are. */
  public int size() {
    return size;
  }

  /** A place for a call that is under way; there are some thousand, to be used again and again. */
  public synchronized int slot() {
    if (slots == MpiCalls.slots()) {
      throw new IllegalStateException("all " + slots + " places for calls are in use");
    }
    return slots++;
  }

  /**
   * Begins to add up values over all ranks, in place.
   *
   * @param element 0 for single precision, 1 for double, 2 for bf16
   */
  public void sum(int slot, Memory values, int count, int element) {
    require(MpiCalls.sum(slot, values.start, count, element));
  }

  /** Begins to send memory from one rank to all others. */
  public void broadcast(int slot, Memory values, int from) {
    require(MpiCalls.broadcast(slot, values.start, values.bytes, from));
  }

  /** Begins to wait for all ranks. */
  public void barrier(int slot) {
    require(MpiCalls.barrier(slot));
  }

  /** Whether the call in a slot is done; MPI makes progress only while it is asked. */
  public boolean done(int slot) {
    int answer = MpiCalls.test(slot);
    if (answer < 0) {
      require(-2 - answer);
    }
    return answer == 1;
  }

  /** Tells another rank how many calls this one has waited in. */
  public void tell(int other, long calls) {
    require(MpiCalls.tell(other, calls));
  }

  /** The rank that {@link #tell told} this one something, or -1. */
  public int hear() {
    return MpiCalls.hear();
  }

  /** What it said. */
  public long heard() {
    return MpiCalls.heard();
  }

  /** Ends all processes of the launcher. */
  public void abort() {
    MpiCalls.abort(1);
  }

  /** Leaves MPI; every rank must. */
  public void close() {
    require(MpiCalls.finish());
  }

  private static void require(int code) {
    if (code != 0) {
      throw new IllegalStateException(MpiCalls.error(code));
    }
  }
}
