#pragma once
// XFS on disk, after "XFS Algorithms & Data Structures" (3rd edition) and what later kernels added. All fields are
// big-endian except checksums. Superblock, and how block and inode numbers become places.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kanshiki::xfs {

using Uuid = std::array<std::byte, 16>;

// sb_features_incompat
constexpr uint32_t incompat_ftype = 0x1, incompat_meta_uuid = 0x4, incompat_needs_repair = 0x10,
                   incompat_metadir = 0x100, incompat_known = 0x1ff;

struct Superblock {
    unsigned version = 0; // 4 or 5; older ones count as 4
    uint32_t block_size = 0, sector_size = 0, inode_size = 0, directory_block_size = 0;
    unsigned block_log = 0, inode_log = 0, inodes_per_block_log = 0, ag_blocks_log = 0;
    uint64_t blocks = 0, realtime_blocks = 0, root_inode = 0, log_start = 0;
    uint32_t ag_blocks = 0, ag_count = 0, log_blocks = 0, log_sector_size = 512;
    uint32_t incompatible = 0, read_only = 0, log_incompatible = 0;
    bool file_types = false; // directory entries carry the inode's type
    bool in_progress = false, checksum_wrong = false;
    uint64_t log_sequence = 0; // v5: where in the log it was written last, cycle << 32 | block; a hint, no more
    std::vector<uint64_t> internal_inodes; // realtime bitmap and summary, quotas, metadata directory: of no directory
    Uuid uuid{}, metadata_uuid{};          // metadata_uuid: what every structure carries
    std::string label;

    bool checksums() const { return version >= 5; }
    unsigned ag_inode_bits() const { return ag_blocks_log + inodes_per_block_log; }
    uint64_t inode_number(uint32_t ag, uint32_t ag_inode) const { return uint64_t{ag} << ag_inode_bits() | ag_inode; }
    uint32_t ag_of_inode(uint64_t number) const { return static_cast<uint32_t>(number >> ag_inode_bits()); }
    // Blocks of this allocation group; the last one may be shorter.
    uint64_t ag_length(uint32_t ag) const;

    // Byte offsets in the volume; nothing when the number lies beyond the file system.
    std::optional<uint64_t> ag_block_offset(uint32_t ag, uint64_t block) const;
    std::optional<uint64_t> block_offset(uint64_t fs_block, uint64_t count = 1) const; // all of one allocation group
    std::optional<uint64_t> inode_offset(uint64_t number) const;
};

// The first 512 bytes of the volume (or as many as its sector has). Nothing when they are no XFS superblock or one
// whose geometry makes no sense.
std::optional<Superblock> parse_superblock(std::span<const std::byte> bytes);

} // namespace kanshiki::xfs
