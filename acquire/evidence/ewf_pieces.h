#pragma once
// The pieces (EWF calls them chunks) of an E01: 32 KiB each, zlib streams, or as they are with an Adler-32 behind.

#include "acquire/evidence/ewf_format.h"
#include "kanshiki/evidence_sink.h"

namespace kanshiki::ewf {

// The pieces of one chunk, in Encoded. Compression at the level that EWF calls fast.
std::unique_ptr<Encoder> make_encoder();

// Fills `into` with the first bytes of a piece of `content` bytes. False: it is not that piece.
bool decode(std::span<const std::byte> stored, bool compressed, size_t content, std::span<std::byte> into);

struct Followed {
    size_t stored = 0, content = 0;
    bool compressed = false;
};
// The piece that begins here, when no table says where it ends. content: of a whole piece. Nothing: none begins here.
std::optional<Followed> follow(std::span<const std::byte> here, size_t content);

// A zlib stream of unknown content (EWF's headers), at most `most` bytes; nothing if it is damaged or larger.
std::optional<Bytes> inflate(std::span<const std::byte> stream, size_t most);
Bytes deflate(std::span<const std::byte> bytes);

} // namespace kanshiki::ewf
