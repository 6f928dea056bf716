/**
 * Networks as builders of {@link org.jresnet.graph.Graph}s, with torchvision's names and parameter
 * counts.
 */
package org.jresnet.models;
