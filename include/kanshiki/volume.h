#pragma once
// Partition tables: which ranges of a source may hold a file system.

#include "kanshiki/block_source.h"

#include <memory>

namespace kanshiki {

struct Volume {
    unsigned number = 0; // from 1 in the table's order; 0 for a source without a table
    Range range;
    std::string description; // what the table says: type and name
    bool allocated = true;   // false: a gap between partitions
    // A logical or an opened encrypted volume has bytes of its own: then `range` is of this source. Null: `range` is of
    // the source whose table this is. Thread-safe; refers to that source, which must outlive it.
    std::shared_ptr<BlockSource> content = {};

    BlockSource& in(BlockSource& source) const { return content ? *content : source; }
};

struct VolumeTable {
    std::string scheme; // "gpt", "mbr", "none" …
    std::vector<Volume> volumes;
    std::vector<std::string> notices; // what was odd: backup header used, overlaps, beyond the end
};

VolumeTable read_volumes(BlockSource& source, std::stop_token stop);

} // namespace kanshiki
