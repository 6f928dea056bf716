/**
 * Typed owners of oneDNN objects and of host memory, over bytedeco's presets. Knows nothing of
 * jresnet; nothing else of jresnet imports {@code org.bytedeco}.
 *
 * <p>Every native object belongs to one {@link org.jresnet.nativebindings.onednn.OneDnnScope} (or
 * is a {@link org.jresnet.nativebindings.onednn.HostMemory}); closing the scope frees them in
 * reverse order of making. Descriptors, memories and primitives are handles into their scope.
 * Nothing is allocated when a primitive is executed.
 */
package org.jresnet.nativebindings.onednn;
