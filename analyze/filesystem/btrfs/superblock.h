#pragma once
// Btrfs on disk, after the format's published description (btrfs.readthedocs.io "On-disk format"). The superblock.

#include "analyze/filesystem/btrfs/checksum.h"
#include "analyze/filesystem/volume_reader.h"

#include <array>
#include <string>

namespace kanshiki::btrfs {

constexpr size_t superblock_size = 4096;
constexpr uint64_t superblock_places[] = {64ull << 10, 64ull << 20, 256ull << 30};

namespace incompatible {
constexpr uint64_t metadata_uuid = 1 << 10, zoned = 1 << 12, extent_tree_v2 = 1 << 13, raid_stripe_tree = 1 << 14;
}

// Where a tree begins: what a node that points to it, or the superblock, says of its root.
struct TreeRoot {
    uint64_t node = 0; // logical address
    uint64_t generation = 0;
    uint8_t level = 0;
    bool operator==(const TreeRoot&) const = default;
};

// One of the four last commits (struct btrfs_root_backup).
struct RootBackup {
    TreeRoot tree_root, csum_root;
};

struct Superblock {
    std::array<std::byte, 16> fsid{}, node_fsid{}; // node_fsid: what nodes carry (metadata_uuid)
    uint64_t place = 0;                            // of this copy
    uint64_t generation = 0, total_bytes = 0, device_count = 0, device = 0, device_bytes = 0;
    TreeRoot root, chunk_root, log_root;
    uint32_t sector_size = 0, node_size = 0;
    uint64_t incompatible = 0, read_only = 0; // features
    ChecksumType checksum = ChecksumType::crc32c;
    std::string label, uuid;
    std::vector<std::byte> chunk_array; // sys_chunk_array
    std::array<RootBackup, 4> backups;
};

// Throws Error{never_valid} when the bytes (superblock_size) are no superblock that can be used. Its checksum is the
// caller's business: superblock_holds().
Superblock parse_superblock(std::span<const std::byte> bytes);
bool has_superblock_magic(std::span<const std::byte> bytes);
bool superblock_holds(std::span<const std::byte> bytes);

// The best copy, and what is wrong with the others in `notices`. by_mirror: only where the first is none at all.
// Nothing when there is none; throws when there are some and none can be used.
std::optional<Superblock> find_superblock(VolumeReader& reader, bool by_mirror, std::vector<std::string>& notices);

} // namespace kanshiki::btrfs
