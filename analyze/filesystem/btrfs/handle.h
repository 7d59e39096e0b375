#pragma once
// The opaque numbers that FileSystem's callers hold: which commit, which subvolume, which inode. They mean the same to
// every object that is opened on the volume, so that workers can hand them to each other.

#include <cstdint>
#include <optional>

namespace kanshiki::btrfs {

struct Handle {
    uint8_t commit = 0;    // 0: the current one; 1 to 4: of the superblock's backups; `stale`
    uint64_t tree = 0;     // the subvolume
    uint64_t objectid = 0; // of the inode
    bool operator==(const Handle&) const = default;
};

// A directory entry for a subvolume that is not (or no longer) below it: what the kernel shows as an empty folder with
// inode number 2. objectid then holds directory << stale_index_bits | index of the entry.
constexpr uint8_t stale = 7;
constexpr unsigned tree_bits = 21, objectid_bits = 40, stale_index_bits = 16;

// Nothing when the numbers are too large to be held; no kernel gets that far.
inline std::optional<uint64_t> pack(const Handle& handle) {
    if (handle.tree >> tree_bits || handle.objectid >> objectid_bits) return {};
    return uint64_t{handle.commit} << (tree_bits + objectid_bits) | handle.tree << objectid_bits | handle.objectid;
}

inline Handle unpack(uint64_t packed) {
    return {static_cast<uint8_t>(packed >> (tree_bits + objectid_bits)),
            packed >> objectid_bits & ((uint64_t{1} << tree_bits) - 1), packed & ((uint64_t{1} << objectid_bits) - 1)};
}

} // namespace kanshiki::btrfs
