#pragma once
// A disk's partitions by whatever table counts, and the gaps between them.

#include "analyze/volume/partition.h"

namespace kanshiki::volume {

// What the readers of tables and headers see of a range of a source. Refers to the source.
Disk disk_of(BlockSource& source, Range range, std::stop_token stop);

// The source must know its size and serve concurrent reads.
VolumeTable read_partitions(BlockSource& source, std::stop_token stop);

} // namespace kanshiki::volume
