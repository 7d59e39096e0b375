#pragma once
// Extended attributes ("Extended Attributes"): behind the inode's own fields, and in one block.

#include "kanshiki/file_system.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace kanshiki::ext {

struct RawXattr {
    uint8_t name_index = 0;
    std::string_view name;    // without the prefix that the index stands for
    uint32_t value_inode = 0; // not 0: the value is this inode's content (ea_inode)
    uint64_t value_size = 0;
    std::span<const std::byte> value; // where it stands here
    uint32_t hash = 0;
};

using RawXattrs = std::function<void(const RawXattr&)>;

// bytes: the inode; extra_size as its parser gave it. Both throw Error{never_valid} where a list is damaged, after what
// came before that place was given.
void xattrs_in_inode(std::span<const std::byte> bytes, uint32_t extra_size, const RawXattrs& attribute);
void xattrs_in_block(std::span<const std::byte> block, const RawXattrs& attribute);
bool xattr_block_checksum_right(std::span<const std::byte> block, uint64_t number, uint32_t seed);

constexpr uint8_t xattr_system = 7;
// The rest of an inline file or directory.
inline bool is_inline_data(const RawXattr& each) { return each.name_index == xattr_system && each.name == "data"; }
// Kept by the file system for itself: inline data, the context of encryption.
bool is_internal(const RawXattr& each);
// The name as getxattr(2) takes it.
std::string xattr_name(const RawXattr& each);
// The value as getxattr(2) gives it: ACLs are kept in a shorter form.
std::string xattr_value(const RawXattr& each, std::span<const std::byte> stored);

} // namespace kanshiki::ext
