#include "acquire/block/sha256.h"

#include <algorithm>
#include <cstring>

namespace kanshiki {

Sha256::Sha256()
    : state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}, tail_{} {}

std::span<const std::byte> Sha256::fill(std::span<const std::byte> bytes) {
    total_ += bytes.size();
    if (buffered_ == 0) return bytes;
    const size_t take = std::min(tail_.size() - buffered_, bytes.size());
    std::memcpy(tail_.data() + buffered_, bytes.data(), take);
    buffered_ += take;
    if (buffered_ == tail_.size()) {
        sha256_detail::compress(state_, tail_.data(), 1);
        buffered_ = 0;
    }
    return bytes.subspan(take);
}

void Sha256::update(std::span<const std::byte> bytes) {
    bytes = fill(bytes);
    const size_t blocks = bytes.size() / 64;
    sha256_detail::compress(state_, bytes.data(), blocks);
    bytes = bytes.subspan(blocks * 64);
    if (!bytes.empty()) {
        std::memcpy(tail_.data(), bytes.data(), bytes.size());
        buffered_ = bytes.size();
    }
}

void update_both(Sha256& a, Sha256& b, std::span<const std::byte> bytes) {
    const size_t whole = bytes.size() / 64 * 64;
    if (a.buffered_ == 0 && b.buffered_ == 0 && whole > 0) {
        sha256_detail::compress_two(a.state_, b.state_, bytes.data(), whole / 64);
        a.total_ += whole;
        b.total_ += whole;
        bytes = bytes.subspan(whole);
    }
    a.update(bytes);
    b.update(bytes);
}

Digest Sha256::finish() {
    // FIPS 180-4, 5.1.1: a one bit, zeros, and the length in bits as a big-endian 64-bit number.
    const uint64_t bits = total_ * 8;
    std::array<std::byte, 72> padding{std::byte{0x80}};
    const size_t zeros = (buffered_ < 56 ? 56 : 120) - buffered_;
    for (unsigned i = 0; i < 8; ++i) padding[zeros + i] = static_cast<std::byte>(bits >> (56 - 8 * i));
    update(std::span(padding).first(zeros + 8));
    Digest out;
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(state_[i / 4] >> (24 - 8 * (i % 4)));
    return out;
}

Digest sha256(std::span<const std::byte> bytes) {
    Sha256 digest;
    digest.update(bytes);
    return digest.finish();
}

} // namespace kanshiki
