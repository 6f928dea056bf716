/**
 * Thin, typed owners of native objects; the only part of jresnet that imports {@code org.bytedeco}.
 */
package org.jresnet.nativebindings;
