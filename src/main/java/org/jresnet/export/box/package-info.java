/**
 * A model in a box: everything a small board needs to run a detector, and to prove that it computes
 * there what it computed here.
 */
package org.jresnet.export.box;
