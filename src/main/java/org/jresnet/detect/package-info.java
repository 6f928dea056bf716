/**
 * What makes a detector's verdict worth believing: explanations of single verdicts, removal of
 * generators' fingerprints, and further checks. Above {@code train}, which it uses through its
 * facade; it prints nothing.
 */
package org.jresnet.detect;
