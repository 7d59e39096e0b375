#pragma once
// How metadata_csum mixes numbers into its CRC-32C ("Checksums").

#include "analyze/filesystem/crc32c.h"

#include <array>

namespace kanshiki::ext {

inline std::array<std::byte, 4> little_endian_bytes(uint32_t number) {
    std::array<std::byte, 4> bytes{};
    for (size_t index = 0; index < bytes.size(); index++) bytes[index] = static_cast<std::byte>(number >> 8 * index);
    return bytes;
}

inline uint32_t checksum_of_number(uint32_t seed, uint32_t number) { return crc32c(seed, little_endian_bytes(number)); }

// What everything of an inode begins with: its extent blocks, directory blocks, and itself.
inline uint32_t inode_seed(uint32_t seed, uint32_t number, uint32_t generation) {
    return checksum_of_number(checksum_of_number(seed, number), generation);
}

} // namespace kanshiki::ext
