/** What training minimises, as data; what it computes is written in {@code backend.reference}. */
package org.jresnet.loss;
