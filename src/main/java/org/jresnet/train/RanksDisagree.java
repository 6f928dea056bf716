package org.jresnet.train;

import java.util.List;
import org.jresnet.base.UserError;

/** Something about which ranks must agree and do not; all of them find out, and rank 0 says so. */
public final class RanksDisagree extends UserError {
  private static final long serialVersionUID = 1L;

  /** An error with a line for each difference. */
  RanksDisagree(String headline, List<String> details) {
    super(headline, details);
  }
}
