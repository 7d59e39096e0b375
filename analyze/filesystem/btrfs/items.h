#pragma once
// The items that trees hold, byte for byte ("Items" of the on-disk format). All parsers throw Error{never_valid},
// without a place, on items that are cut short or say what cannot be.

#include "analyze/filesystem/btrfs/key.h"
#include "analyze/filesystem/btrfs/superblock.h"
#include "kanshiki/file_system.h"

namespace kanshiki::btrfs {

constexpr uint64_t flag_no_checksums = 1; // BTRFS_INODE_NODATASUM

struct Inode {
    FileInfo info; // without inode, allocated and symlink_target
    uint64_t generation = 0;
};
Inode parse_inode(std::span<const std::byte> item);

// DIR_ITEM, DIR_INDEX and XATTR_ITEM: one item holds several where their names have the same hash.
struct DirectoryItem {
    Key location;
    FileType type = FileType::unknown;
    std::string_view name, data;
};
void parse_directory_items(std::span<const std::byte> item, const std::function<void(const DirectoryItem&)>& each);

enum class Compression : uint8_t { none = 0, zlib = 1, lzo = 2, zstd = 3 };

struct FileExtentItem {
    uint64_t logical = 0; // in the file
    uint64_t decoded = 0; // ram_bytes
    Compression compression = Compression::none;
    bool prealloc = false; // not yet written
    bool in_item = false;  // then `data`, else the address
    std::span<const std::byte> data;
    uint64_t address = 0;                         // logical, of the whole extent on disk; 0: a hole
    uint64_t disk_size = 0, offset = 0, size = 0; // offset, size: the part of what it decodes to that is the file's
    uint64_t end() const { return logical + size; }
    bool encoded() const { return compression != Compression::none; }
};
FileExtentItem parse_file_extent(const Key& key, std::span<const std::byte> item);

struct RootItem {
    TreeRoot root;
    uint64_t directory = 0; // inode of its root directory
    uint32_t references = 0;
};
RootItem parse_root(std::span<const std::byte> item);

// ROOT_REF, INODE_REF and INODE_EXTREF: which directory has what name for it. The latter two hold several.
struct NameReference {
    uint64_t directory = 0, index = 0;
    std::string_view name;
};
NameReference parse_root_reference(std::span<const std::byte> item);
void parse_inode_references(const Key& key, std::span<const std::byte> item,
                            const std::function<void(const NameReference&)>& each);

} // namespace kanshiki::btrfs
