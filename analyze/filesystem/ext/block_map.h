#pragma once
// Where the content of an ext file lies: the extent tree ("Extent Tree") and the older indirect block map. libtsk
// 4.11.1 reads a file with more than one extent index block as empty; these are ours.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace kanshiki::ext {

struct BlockRun {
    uint64_t logical = 0, physical = 0, count = 0; // in blocks
    bool unwritten = false;                        // allocated, never written: reads as zeros
};

struct Geometry {
    uint32_t block_size = 0;
    uint64_t blocks = 0; // of the file system
};

using ReadBlock = std::function<void(uint64_t block, std::span<std::byte> into)>;

// Runs ascending and disjoint, neighbours merged. Throws Error{never_valid} on a tree that is damaged, leaves the file
// system, meets a block twice, or has more runs than any file needs (4 Mi).
std::vector<BlockRun> walk_extents(std::span<const std::byte> root, const Geometry& geometry, const ReadBlock& read);

// With metadata_csum, of a node in a block of its own. seed: the inode's.
bool extent_checksum_right(std::span<const std::byte> node, uint32_t seed);

// 12 direct pointers, then single, double, triple indirect; nothing at or past `size` bytes is looked at.
std::vector<BlockRun> walk_indirect(std::span<const std::byte> root, uint64_t size, const Geometry& geometry,
                                    const ReadBlock& read);

} // namespace kanshiki::ext
