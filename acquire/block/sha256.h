#pragma once
// SHA-256 (FIPS 180-4) for the ordered lane: the chunk's leaf and the whole image's digest run over the same bytes in
// one pass. Chunks start at multiples of 64 bytes, so both see the same message blocks: the message schedule is
// computed once and two states go through the rounds side by side, which hides the latency of the SHA-NI instructions.

#include "kanshiki/digest.h"

namespace kanshiki {

// A running digest; a plain value (copying it forks the digest). Not thread-safe.
class Sha256 {
public:
    Sha256();
    void update(std::span<const std::byte> bytes);
    Digest finish(); // once

    // The same as a.update(bytes); b.update(bytes).
    friend void update_both(Sha256& a, Sha256& b, std::span<const std::byte> bytes);

private:
    using State = std::array<uint32_t, 8>;
    std::span<const std::byte> fill(std::span<const std::byte> bytes); // completes a started block; returns the rest
    State state_;
    uint64_t total_ = 0;
    std::array<std::byte, 64> tail_;
    size_t buffered_ = 0;
};

// Whether this processor runs the two-state code (SHA-NI); else OpenSSL does both, one after the other.
bool sha256_has_lanes();

namespace sha256_detail {
void compress(std::array<uint32_t, 8>& state, const std::byte* blocks, size_t count);
void compress_two(std::array<uint32_t, 8>& a, std::array<uint32_t, 8>& b, const std::byte* blocks, size_t count);
void compress_plain(std::array<uint32_t, 8>& state, const std::byte* blocks,
                    size_t count); // OpenSSL; in the agent plain code
} // namespace sha256_detail

} // namespace kanshiki
