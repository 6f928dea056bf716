package org.jresnet.distributed;

import java.util.List;
import org.jresnet.base.UserError;

/** An error that all ranks find at the same place, so that rank 0 says it for all. */
public final class SharedError extends UserError {
  private static final long serialVersionUID = 1L;

  /** An error with a line for each difference. */
  public SharedError(String headline, List<String> details) {
    super(headline, details);
  }
}
