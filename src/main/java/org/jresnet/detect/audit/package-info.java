/**
 * What could be learned from a set of images instead of the face. {@link
 * org.jresnet.detect.audit.Audit} decodes each image once and asks; {@link
 * org.jresnet.detect.audit.Equaliser} writes a copy in which all classes have one history.
 */
package org.jresnet.detect.audit;
