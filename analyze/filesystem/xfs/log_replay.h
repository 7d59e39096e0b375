#pragma once
// Replaying the log in memory, as a mount would do on the disk ("Log Recovery").

#include "analyze/filesystem/xfs/overlay.h"
#include "analyze/filesystem/xfs/superblock.h"
#include "kanshiki/block_source.h"

namespace kanshiki::xfs {

struct Replayed {
    Overlay overlay;
    std::vector<std::string> notices; // what a reader of the report must know of the log
};

// Opens of one volume at the same time share the result. Never throws for what the log holds.
std::shared_ptr<const Replayed> replay_log(BlockSource& source, Range volume, const Superblock& super,
                                           std::stop_token stop);

} // namespace kanshiki::xfs
