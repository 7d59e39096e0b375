#include "analyze/filesystem/btrfs/blake2b.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace kanshiki {
namespace {

constexpr size_t block_size = 128, digest_size = 32;

using Words = std::array<uint64_t, 8>;

// RFC 7693, 2.6.
constexpr Words initial = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                           0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

// RFC 7693, 2.7: the order of the message's words in each round; rounds 10 and 11 are 0 and 1 again.
constexpr uint8_t order[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

uint64_t word(const std::byte* bytes) {
    uint64_t value = 0;
    std::memcpy(&value, bytes, sizeof value);
    if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
    return value;
}

void mix(uint64_t& a, uint64_t& b, uint64_t& c, uint64_t& d, uint64_t x, uint64_t y) {
    a += b + x;
    d = std::rotr(d ^ a, 32);
    c += d;
    b = std::rotr(b ^ c, 24);
    a += b + y;
    d = std::rotr(d ^ a, 16);
    c += d;
    b = std::rotr(b ^ c, 63);
}

void compress(Words& state, const std::byte* block, uint64_t counted, bool last) {
    std::array<uint64_t, 16> message, v;
    for (size_t index = 0; index < 16; index++) message[index] = word(block + index * 8);
    std::ranges::copy(state, v.begin());
    std::ranges::copy(initial, v.begin() + 8);
    v[12] ^= counted; // files of 2^64 bytes do not come here
    if (last) v[14] = ~v[14];
    for (unsigned round = 0; round < 12; round++) {
        const auto& s = order[round % 10];
        mix(v[0], v[4], v[8], v[12], message[s[0]], message[s[1]]);
        mix(v[1], v[5], v[9], v[13], message[s[2]], message[s[3]]);
        mix(v[2], v[6], v[10], v[14], message[s[4]], message[s[5]]);
        mix(v[3], v[7], v[11], v[15], message[s[6]], message[s[7]]);
        mix(v[0], v[5], v[10], v[15], message[s[8]], message[s[9]]);
        mix(v[1], v[6], v[11], v[12], message[s[10]], message[s[11]]);
        mix(v[2], v[7], v[8], v[13], message[s[12]], message[s[13]]);
        mix(v[3], v[4], v[9], v[14], message[s[14]], message[s[15]]);
    }
    for (size_t index = 0; index < 8; index++) state[index] ^= v[index] ^ v[index + 8];
}

} // namespace

Digest blake2b_256(std::span<const std::byte> bytes) {
    Words state = initial;
    state[0] ^= 0x01010000 ^ digest_size;
    size_t at = 0;
    for (; bytes.size() - at > block_size; at += block_size) compress(state, bytes.data() + at, at + block_size, false);
    std::array<std::byte, block_size> rest{};
    std::ranges::copy(bytes.subspan(at), rest.begin());
    compress(state, rest.data(), bytes.size(), true);
    Digest out;
    for (size_t index = 0; index < digest_size; index++)
        out[index] = static_cast<std::byte>(state[index / 8] >> index % 8 * 8);
    return out;
}

} // namespace kanshiki
