#pragma once
// Names in a directory ("Directories"): in the inode, or in blocks of the data fork below 32 GiB. What follows there,
// the index of hashes and free space, is not needed and so not trusted.

#include "analyze/filesystem/xfs/extent_map.h"

#include <functional>

namespace kanshiki::xfs {

constexpr uint64_t directory_index_begins = uint64_t{32} << 30; // XFS_DIR2_LEAF_OFFSET, in bytes of the data fork

struct Name {
    std::string_view name; // bytes as stored
    uint64_t inode = 0;
    FileType type = FileType::unknown;
    bool deleted = false;
    bool inode_cut = false; // the upper 32 bits of the inode's number were written over
};

using OnName = std::function<void(const Name&)>;

// Short form: all of it lies in the inode. Returns what is wrong with it; empty when nothing is.
std::string parse_short_directory(const Inode& inode, const Superblock& super, const OnName& name);

// One directory block, as many file system blocks as it has.
std::string parse_directory_block(std::span<const std::byte> block, const Superblock& super, const OnName& name);

// Deleted names in bytes that nothing uses (see docs/formats/xfs.md). offset: of `free` in its directory block.
void carve_block_names(std::span<const std::byte> free, size_t offset, const Superblock& super, const OnName& name);
// The same of short-form entries, whose inode numbers take `inode_size` bytes.
void carve_short_names(std::span<const std::byte> free, size_t inode_size, const Superblock& super, const OnName& name);

// Gives every name, deleted ones too, without "." and "..". Throws at the end when part of it is damaged. gone: the
// directory was deleted: blocks that are in use by others now are left out.
void read_directory(const Inode& inode, Metadata& metadata, bool gone, const OnName& name);

FileType type_of_entry(std::byte stored);
bool plain_name(std::string_view name); // not empty, without NUL and '/', not "." or ".."

} // namespace kanshiki::xfs
