/** The command line: parses, calls, prints. Exit codes: 0 done, 1 failed, 2 wrong usage. */
package org.jresnet.cli;
