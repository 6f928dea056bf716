package org.jresnet.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Arrays;
import org.jresnet.check.OpCase;
import org.jresnet.testing.CheckedBackend;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.opentest4j.TestAbortedException;

/**
 * What every backend must do, written once, a contract for each kind of operation; a subclass says
 * which backend, in which precisions, and what it is compared with. A backend is done when its
 * subclass passes.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class BackendContract
    implements OpContract,
        TorchOpContract,
        LossContract,
        OptimizerContract,
        UpdatesContract,
        InputContract,
        MemoryContract,
        SupportContract {
  private Backend backend;
  private Backend checked;
  private String absent;

  /** Opens the backend under test. */
  abstract Backend open();

  @Override
  public final Backend backend() {
    return backend;
  }

  @Override
  public final Backend checked() {
    return checked;
  }

  @BeforeAll
  void openBackend() {
    try {
      backend = open();
    } catch (TestAbortedException e) {
      // Each test is skipped and counted, instead of the class as a whole.
      absent = e.getMessage();
      return;
    }
    checked = new CheckedBackend(backend);
    assertThat(backend.name()).isEqualTo(name());
    backend.planAhead(
        Arrays.stream(OpCase.Kind.values())
            .flatMap(kind -> kind.cases().stream())
            .flatMap(op -> precisions().stream().map(p -> op.spec().apply(p.activation())))
            .toList());
  }

  @BeforeEach
  void requireBackend() {
    assumeTrue(backend != null, absent);
  }

  @AfterAll
  void closeBackend() {
    if (backend != null) {
      backend.close();
    }
  }
}
