// SHA-256 where the processor has no instructions that we use, as FIPS 180-4, 6.2.2 says it: the agent is to be small,
// so it has no OpenSSL in it.
#include "acquire/block/sha256.h"
#include "acquire/block/sha256_rounds.h"

#include <bit>

namespace kanshiki::sha256_detail {

namespace {

using std::rotr;

uint32_t big_endian(const std::byte* bytes) {
    return uint32_t(bytes[0]) << 24 | uint32_t(bytes[1]) << 16 | uint32_t(bytes[2]) << 8 | uint32_t(bytes[3]);
}

void one_block(std::array<uint32_t, 8>& state, const std::byte* block) {
    uint32_t w[64];
    for (size_t t = 0; t < 16; ++t) w[t] = big_endian(block + 4 * t);
    for (size_t t = 16; t < 64; ++t) {
        const uint32_t s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ (w[t - 15] >> 3);
        const uint32_t s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ (w[t - 2] >> 10);
        w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (size_t t = 0; t < 64; ++t) {
        const uint32_t t1 =
            h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & f) ^ (~e & g)) + round_constants[t] + w[t];
        const uint32_t t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    const uint32_t worked[8] = {a, b, c, d, e, f, g, h};
    for (size_t i = 0; i < 8; ++i) state[i] += worked[i];
}

} // namespace

void compress_plain(std::array<uint32_t, 8>& state, const std::byte* blocks, size_t count) {
    for (; count > 0; --count, blocks += 64) one_block(state, blocks);
}

} // namespace kanshiki::sha256_detail
