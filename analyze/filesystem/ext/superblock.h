#pragma once
// ext2/3/4 on disk, after the kernel's "ext4 Data Structures and Algorithms" (Documentation/filesystems/ext4).
// The superblock, and what follows from it alone: where the groups and the copies of their descriptors lie.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kanshiki::ext {

namespace compatible {
constexpr uint32_t has_journal = 0x4, sparse_super2 = 0x200, fast_commit = 0x400, orphan_file = 0x1000;
}
namespace incompatible {
constexpr uint32_t compression = 0x1, file_type = 0x2, recover = 0x4, journal_device = 0x8, meta_bg = 0x10,
                   extents = 0x40, bits64 = 0x80, multiple_mount = 0x100, flex_bg = 0x200, ea_inode = 0x400,
                   dir_data = 0x1000, checksum_seed = 0x2000, large_dir = 0x4000, inline_data = 0x8000,
                   encrypt = 0x10000, casefold = 0x20000;
}
namespace read_only {
constexpr uint32_t sparse_super = 0x1, huge_file = 0x8, group_checksum = 0x10, bigalloc = 0x200,
                   metadata_checksum = 0x400;
}

constexpr uint64_t superblock_offset = 1024;
constexpr size_t superblock_size = 1024;

struct Superblock {
    uint32_t inodes = 0, inodes_per_group = 0, blocks_per_group = 0, first_data_block = 0, first_meta_bg = 0;
    uint64_t blocks = 0;
    uint32_t block_size = 0, inode_size = 0, first_inode = 0, descriptor_size = 0;
    uint32_t cluster_blocks = 1;                              // blocks per cluster (bigalloc), else 1
    uint32_t reserved_gdt = 0;                                // blocks kept free behind the descriptors for growing
    uint32_t compatible = 0, incompatible = 0, read_only = 0; // features
    uint32_t backup_groups[2] = {};
    uint32_t group = 0; // which group's copy this is
    uint32_t journal_inode = 0, journal_device = 0;
    uint32_t checksum_seed = 0; // of metadata_csum
    uint16_t state = 0;         // 1: unmounted cleanly, 2: errors were found
    bool checksum_wrong = false;
    std::vector<std::byte> uuid_bytes;
    std::string label, uuid, type; // "ext2", "ext3", "ext4"

    uint64_t groups() const { return (uint64_t{inodes} + inodes_per_group - 1) / inodes_per_group; }
    // Of the blocks; more or fewer than groups() only where the superblock contradicts itself.
    uint64_t block_groups() const {
        return blocks <= first_data_block ? 0 : (blocks - first_data_block + blocks_per_group - 1) / blocks_per_group;
    }
    uint64_t table_blocks() const { // of a group's inode table
        return (uint64_t{inodes_per_group} * inode_size + block_size - 1) / block_size;
    }
    uint64_t first_block(uint64_t of_group) const { return first_data_block + of_group * blocks_per_group; }
    bool has(uint32_t incompatible_feature) const { return (incompatible & incompatible_feature) != 0; }
    bool metadata_checksums() const { return (read_only & read_only::metadata_checksum) != 0; }
    bool group_checksums() const {
        return (read_only & (read_only::group_checksum | read_only::metadata_checksum)) != 0;
    }
};

// Throws Error{never_valid} when the bytes (1024, from offset 1024 of the volume) make no sense.
Superblock parse_superblock(std::span<const std::byte> bytes);

// "Layout": which groups carry a copy of the superblock.
bool has_superblock(const Superblock& super, uint64_t group);
// Byte of the volume where a group's descriptor lies.
uint64_t descriptor_offset(const Superblock& super, uint64_t group);
// Blocks at the start of a group that hold the superblock, descriptors and what is reserved for more of these.
uint64_t base_blocks(const Superblock& super, uint64_t group);

// What a reader of the report must know of the features and the state.
std::vector<std::string> superblock_notices(const Superblock& super);

} // namespace kanshiki::ext
