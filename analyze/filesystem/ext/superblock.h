#pragma once
// ext2/3/4 on disk, after the kernel's "ext4 Data Structures and Algorithms" (Documentation/filesystems/ext4).
// Superblock and block group descriptors.

#include "analyze/filesystem/volume_reader.h"

#include <string>

namespace kanshiki::ext {

struct Superblock {
    uint32_t inodes = 0, inodes_per_group = 0, blocks_per_group = 0, first_data_block = 0, first_meta_bg = 0;
    uint64_t blocks = 0;
    uint32_t block_size = 0, inode_size = 0, first_inode = 0, descriptor_size = 0;
    uint32_t compatible = 0, incompatible = 0, read_only = 0; // features
    uint32_t backup_groups[2] = {};
    std::string label, uuid, type; // "ext2", "ext3", "ext4"
    uint64_t groups() const { return (uint64_t{inodes} + inodes_per_group - 1) / inodes_per_group; }
};

// Throws Error{never_valid} when the bytes (1024, from offset 1024 of the volume) make no sense.
Superblock parse_superblock(std::span<const std::byte> bytes);

struct Group {
    uint64_t inode_bitmap = 0, inode_table = 0; // blocks
    uint32_t unused_inodes = 0;                 // at the end of its table: never used
    bool inodes_uninitialised = false;
};

Group read_group(const Superblock& super, VolumeReader& reader, uint64_t group);

} // namespace kanshiki::ext
