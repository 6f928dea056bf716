/** What a detector is worth after what happens to images on their way. */
package org.jresnet.detect.robustness;
