package org.jresnet.nativebindings.cuda;

/** Window, stride and symmetric padding, the same in both directions. */
public record Geometry(int window, int stride, int padding) {}
