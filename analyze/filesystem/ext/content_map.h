#pragma once
// An inode's block map or extent tree, with its blocks' checksums looked at.

#include "analyze/filesystem/ext/disk.h"
#include "analyze/filesystem/ext/inode.h"

namespace kanshiki::ext {

// read: where blocks of the tree come from. Errors begin with the inode.
std::vector<BlockRun> map_content(Disk& disk, uint64_t number, const Inode& inode, const ReadBlock& read);
std::vector<BlockRun> map_content(Disk& disk, uint64_t number, const Inode& inode);

} // namespace kanshiki::ext
