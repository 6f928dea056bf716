/**
 * From files to pixels, exactly as Python sees them: class folders, splits, decoding and resizing
 * equal to Pillow's to the byte, seeded augmentation, and a prefetching loader whose batches do not
 * depend on the number of its threads.
 *
 * <p>In processing order: {@link org.jresnet.data.ImageFolder}, {@link org.jresnet.data.Split},
 * {@link org.jresnet.data.ImageDecoder}, {@link org.jresnet.data.Augmentation}, {@link
 * org.jresnet.data.Preprocess} with {@link org.jresnet.data.Resize}, {@link
 * org.jresnet.data.Loader}. Normalisation is the engine's.
 */
package org.jresnet.data;
