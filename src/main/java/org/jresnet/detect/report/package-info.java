/**
 * A run as one self-contained HTML page: what is in its folder, drawn and explained. Nothing is
 * computed on images here; what was not measured is named with the command that measures it.
 */
package org.jresnet.detect.report;
