#pragma once
// The inode ("On-disk Inode"): its core and the two forks that share the rest of its bytes.

#include "analyze/filesystem/xfs/superblock.h"
#include "kanshiki/file_system.h"

namespace kanshiki::xfs {

enum class Format : uint8_t { device = 0, local = 1, extents = 2, tree = 3, uuid = 4, metadata_tree = 5 };

constexpr uint16_t flag_realtime = 0x1, flag_immutable = 0x8, flag_append = 0x10, flag_nodump = 0x80; // di_flags
constexpr uint64_t flag2_bigtime = 0x8, flag2_large_counts = 0x10, flag2_metadata = 0x20, flag2_verity = 0x40;

struct Fork {
    Format format = Format::extents;
    size_t offset = 0, size = 0; // in the inode's bytes
    uint64_t extents = 0;        // as the core counts them
    bool counted = true;         // false: it does not (any more)
};

constexpr size_t largest_inode = 2048;

struct Inode {
    uint64_t number = 0;
    FileInfo info; // without `allocated` and symlink_target, which its core does not tell
    unsigned version = 0;
    uint16_t flags = 0;
    uint64_t flags2 = 0;
    uint32_t next_unlinked = 0, generation = 0;
    bool mode_zero = false; // freed, or never used
    Fork data, attributes;
    std::array<std::byte, largest_inode> bytes;
    size_t size = 0; // of bytes

    std::span<const std::byte> area(const Fork& fork) const { return std::span(bytes).subspan(fork.offset, fork.size); }
};

constexpr uint16_t inode_magic = 0x494e; // "IN"
constexpr size_t inode_checksum_at = 100, core_size_v2 = 100, core_size_v3 = 176;

// inode.bytes, .size and .number are set; fills the rest. Throws Error{never_valid} when its own bytes contradict each
// other.
void parse_inode(Inode& inode);

} // namespace kanshiki::xfs
