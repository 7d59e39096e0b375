#pragma once
// The inode ("Index Nodes"): times with their epoch bits, owner, size, flags, and the 60 bytes of i_block.

#include "kanshiki/file_system.h"

#include <array>

namespace kanshiki::ext {

constexpr uint32_t flag_encrypted = 0x800, flag_compressed = 0x4, flag_indexed = 0x1000, flag_extents = 0x80000,
                   flag_ea_inode = 0x200000, flag_inline = 0x10000000, flag_casefold = 0x40000000;

struct Inode {
    FileInfo info; // without inode, allocated and deleted, which its own bytes do not tell
    uint32_t flags = 0, deletion = 0;
    uint64_t sectors = 0;         // i_blocks
    uint64_t attribute_block = 0; // i_file_acl
    uint32_t generation = 0;
    uint32_t extra_size = 0; // of the fields past 128 bytes; 0 when there are none, or no sense is in it
    std::array<std::byte, 60> block{};
    bool used = false; // ctime, links or mode set: it held a file once

    // "Symbolic Links": below 60 bytes the target stands in i_block.
    bool fast_link() const {
        return info.type == FileType::symlink && !(flags & (flag_extents | flag_inline)) && info.size < block.size();
    }
    bool has_blocks() const {
        return (info.type == FileType::regular || info.type == FileType::directory || info.type == FileType::symlink) &&
               !(flags & flag_inline) && !fast_link();
    }
};

Inode parse_inode(std::span<const std::byte> bytes); // 128 bytes or more: all that the file system keeps of it

// With metadata_csum. seed: the file system's.
bool inode_checksum_right(std::span<const std::byte> bytes, uint32_t number, uint32_t seed);

} // namespace kanshiki::ext
