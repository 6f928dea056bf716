/**
 * The prediction server: HTTP in front of classifiers. Requests are read without a thread of their
 * own, images are decoded on a few threads, and a model computes what has gathered meanwhile in one
 * pass.
 */
package org.jresnet.serve;
