#pragma once
// The inode ("Index Nodes"): times with their epoch bits, owner, size, flags, and the 60 bytes of i_block.

#include "kanshiki/file_system.h"

#include <array>

namespace kanshiki::ext {

constexpr uint32_t flag_encrypted = 0x800, flag_extents = 0x80000, flag_inline = 0x10000000;

struct Inode {
    FileInfo info; // without inode, allocated and deleted, which its own bytes do not tell
    uint32_t flags = 0, deletion = 0;
    uint64_t sectors = 0; // i_blocks
    uint32_t generation = 0;
    std::array<std::byte, 60> block{};
    bool used = false; // ctime, links or mode set: it held a file once
};

Inode parse_inode(std::span<const std::byte> bytes); // 128 bytes or more

} // namespace kanshiki::ext
