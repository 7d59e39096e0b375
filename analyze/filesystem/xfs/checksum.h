#pragma once
// Self-describing metadata (version 5): a structure carries its checksum, its own place, its owner and the file
// system's UUID. A contradiction is told and ends nothing.

#include "analyze/filesystem/xfs/superblock.h"

namespace kanshiki::xfs {

// Where a kind of block keeps them.
struct Description {
    const char* name; // for messages
    size_t checksum, place, uuid, owner;
    size_t owner_size; // 8: an inode; 4: an allocation group
    size_t header;     // size of the whole header
};

constexpr Description short_tree_block{"B+tree block", 52, 16, 32, 48, 4, 56};
constexpr Description long_tree_block{"extent B+tree block", 64, 24, 40, 56, 8, 72};
constexpr Description directory_block{"directory block", 4, 8, 24, 40, 8, 64};
constexpr Description attribute_block{"attribute block", 12, 16, 32, 48, 8, 56};
constexpr Description value_block{"remote attribute value", 12, 40, 16, 32, 8, 56};
constexpr Description symlink_block{"remote symbolic link", 12, 40, 16, 32, 8, 56};

// CRC-32C over all of `bytes`, the field itself (little-endian, at `at`) taken as zeros.
bool checksum_right(std::span<const std::byte> bytes, size_t at);

// What is wrong with a block at byte `offset` of the volume: "has a wrong checksum" …; empty when nothing is.
std::string contradiction(std::span<const std::byte> bytes, const Description& kind, const Superblock& super,
                          uint64_t offset, uint64_t owner);

} // namespace kanshiki::xfs
