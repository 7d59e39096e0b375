#pragma once
// Where the content of a fork lies ("Data Extents"): extent records in the inode, or a B+tree of them.

#include "analyze/filesystem/xfs/inode.h"
#include "analyze/filesystem/xfs/metadata.h"

namespace kanshiki::xfs {

struct Extent {
    uint64_t logical = 0, block = 0, count = 0; // in blocks; block: in the file system's numbering
    bool unwritten = false;                     // allocated, never written: reads as zeros
    uint64_t end() const { return logical + count; }
};

constexpr size_t extent_record_size = 16;
Extent parse_extent(std::span<const std::byte> record);
// Whether it has blocks, all of one allocation group, and ends before 2^54.
bool possible(const Extent& extent, const Superblock& super);

// Ascending and disjoint. Throws Error{never_valid} on a fork that is damaged, leaves the file system, meets a block
// of its tree twice, or has more extents than any file needs (8 Mi).
std::vector<Extent> read_extents(const Inode& inode, const Fork& fork, Metadata& metadata,
                                 size_t most_blocks = ~size_t{0}); // of its tree

// Throws when two extents share blocks: within a directory that makes it endless.
void refuse_overlap(const std::vector<Extent>& extents, const Inode& inode);

} // namespace kanshiki::xfs
