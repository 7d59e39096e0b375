#pragma once
// Keys of the trees: what every item is sorted by. Names after the format's own (BTRFS_…_KEY, BTRFS_…_OBJECTID).

#include <compare>
#include <cstdint>
#include <string>

namespace kanshiki::btrfs {

struct Key {
    uint64_t objectid = 0;
    uint8_t type = 0;
    uint64_t offset = 0;
    auto operator<=>(const Key&) const = default;
};

inline std::string text(const Key& key) {
    return "(" + std::to_string(key.objectid) + " " + std::to_string(key.type) + " " + std::to_string(key.offset) + ")";
}

constexpr uint64_t last_offset = ~uint64_t{0};

namespace type {
constexpr uint8_t inode_item = 1, inode_ref = 12, inode_extref = 13, xattr_item = 24, orphan_item = 48,
                  dir_log_index = 72, dir_item = 84, dir_index = 96, extent_data = 108, extent_csum = 128,
                  root_item = 132, root_backref = 144, root_ref = 156, extent_item = 168, metadata_item = 169,
                  dev_item = 216, chunk_item = 228;
} // namespace type

namespace id {
constexpr uint64_t root_tree = 1, extent_tree = 2, chunk_tree = 3, fs_tree = 5, csum_tree = 7, first_free = 256,
                   last_free = ~uint64_t{0} - 255, dev_items = 1;
constexpr uint64_t orphan = ~uint64_t{0} - 4, tree_log = ~uint64_t{0} - 5, extent_csum = ~uint64_t{0} - 9;
} // namespace id

// Whether a tree holds files: a subvolume or a snapshot.
inline bool is_subvolume(uint64_t tree) {
    return tree == id::fs_tree || (tree >= id::first_free && tree <= id::last_free);
}

} // namespace kanshiki::btrfs
