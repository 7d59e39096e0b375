#pragma once
// One block of directory entries ("Linear Directories"), and the index blocks of a hash tree, which look like blocks
// without names ("Hash Tree Directories").

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kanshiki::ext {

struct DirectoryLayout {
    uint32_t block_size = 0; // of the file system: from 64 KiB on lengths are packed
    uint32_t inodes = 0;     // last number that may stand in an entry
    bool types = true;       // the file_type feature
    bool hashes = false;     // 8 bytes of hash stand behind each name (encrypted and case-folded)
};

struct RawEntry {
    uint32_t inode = 0;
    std::string_view name; // bytes as stored
    uint8_t type = 0;      // 0 to 7
};

using RawEntries = std::function<void(const RawEntry&)>;

// Names in use, in order, "." and ".." too. Returns what is wrong and where; then the rest of the block is not given.
std::optional<std::string> live_entries(std::span<const std::byte> block, const DirectoryLayout& layout,
                                        const RawEntries& entry);
// What was left over of names that are not in use any more: unused entries, and entries in the space behind others.
void stale_entries(std::span<const std::byte> block, const DirectoryLayout& layout, const RawEntries& entry);

enum class BlockKind : uint8_t { leaf, index_root, index_node };
// first: whether it is the directory's first block.
BlockKind kind_of_block(std::span<const std::byte> block, bool first);
// With metadata_csum. seed: the inode's. A block without room for a checksum is wrong too.
bool directory_checksum_right(std::span<const std::byte> block, bool first, uint32_t seed);

} // namespace kanshiki::ext
