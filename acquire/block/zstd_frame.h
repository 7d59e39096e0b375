#pragma once
// What a zstd frame must be to stand for one chunk of an image: in a .img.zst, and on the way from an agent.

#include <cstddef>
#include <span>

namespace kanshiki {

// Null, or what is wrong: exactly one frame (RFC 8878), without dictionary, with a checksum (XXH64 of the content),
// that says its content's size and needs no more window than that. Its content is not looked at.
const char* check_chunk_frame(std::span<const std::byte> frame, size_t content);

} // namespace kanshiki
