/**
 * Data folders packed into a few large files: tar shards in WebDataset's layout, with an index and
 * checksums ({@code docs/shards.md} has the format to the byte). {@link
 * org.jresnet.data.shards.Packer} writes them; {@link org.jresnet.data.shards.Shards#enter} opens
 * them as a read-only file system, so that whatever reads a data folder reads shards as well.
 */
package org.jresnet.data.shards;
