#pragma once
// CRC-32C (Castagnoli), which XFS, Btrfs and ext4 keep over their metadata.

#include <cstddef>
#include <cstdint>
#include <span>

namespace kanshiki {

// Goes on from `state` without inverting before or after: begin with ~0u; what is stored is often ~ of the result.
uint32_t crc32c(uint32_t state, std::span<const std::byte> bytes);

} // namespace kanshiki
