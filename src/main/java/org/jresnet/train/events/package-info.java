/** Event files as TensorBoard reads them, written from scratch. */
package org.jresnet.train.events;
