/**
 * Processes that train one network together. They exchange sums of gradients and little else; how
 * bytes travel is the concern of a {@link org.jresnet.distributed.Communicator} alone.
 */
package org.jresnet.distributed;
