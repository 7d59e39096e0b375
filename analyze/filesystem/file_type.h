#pragma once
// The type in the upper four bits of a mode, numbered the same in every file system of Unix (stat.h, S_IFMT).

#include "kanshiki/file_system.h"

namespace kanshiki {

constexpr FileType file_type_of_mode(uint32_t mode) {
    switch (mode >> 12 & 0xf) {
    case 0x1:
        return FileType::fifo;
    case 0x2:
        return FileType::character;
    case 0x4:
        return FileType::directory;
    case 0x6:
        return FileType::block;
    case 0x8:
        return FileType::regular;
    case 0xa:
        return FileType::symlink;
    case 0xc:
        return FileType::socket;
    default:
        return FileType::unknown;
    }
}

} // namespace kanshiki
