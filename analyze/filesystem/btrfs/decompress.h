#pragma once
// Compressed extents, in the three forms that Btrfs has for them.

#include "analyze/filesystem/btrfs/items.h"

namespace kanshiki::btrfs {

constexpr uint64_t longest_encoded = 1 << 20; // the kernel makes 128 KiB, on either side

// Fills `into` from its beginning with what `bytes` decode to and returns how much that is: bytes past the end of the
// compressed stream are not looked at. Throws Error{never_valid} when the stream is none.
size_t decompress(Compression form, std::span<const std::byte> bytes, uint32_t sector_size, std::span<std::byte> into);

} // namespace kanshiki::btrfs
