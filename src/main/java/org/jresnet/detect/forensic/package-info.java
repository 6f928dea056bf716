/**
 * A benchmark that needs no data: detectors of simulated generators on drawn faces, against other
 * generators, degradations and fingerprint removal. It teaches and tests; it says nothing about
 * real generators.
 */
package org.jresnet.detect.forensic;
