/**
 * From files to pixels, exactly as Python sees them: class folders, splits, decoding and resizing
 * equal to Pillow's to the byte, seeded augmentation, and a prefetching loader whose batches do not
 * depend on the number of its threads.
 */
package org.jresnet.data;
