#pragma once
// Block group descriptors ("Block Group Descriptors").

#include "analyze/filesystem/ext/superblock.h"

namespace kanshiki::ext {

struct Group {
    uint64_t block_bitmap = 0, inode_bitmap = 0, inode_table = 0;    // blocks
    uint32_t block_bitmap_checksum = 0, inode_bitmap_checksum = 0;   // of the latter 16 bits only in short descriptors
    uint32_t unused_inodes = 0;                                      // at the end of its table: never used
    bool inodes_uninitialised = false, blocks_uninitialised = false; // nothing stands in the bitmap's block yet
    bool checksum_wrong = false;
    bool wrong = false; // points outside the file system
};

// bytes: one descriptor.
Group parse_group(const Superblock& super, uint64_t number, std::span<const std::byte> bytes);

} // namespace kanshiki::ext
