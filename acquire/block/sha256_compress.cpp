// The compression function of SHA-256 (FIPS 180-4, 6.2.2), for one or two states over the same message blocks.
#include "acquire/block/sha256.h"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__x86_64__)
namespace {

alignas(16) constexpr uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

#define KANSHIKI_SHA __attribute__((target("sha,sse4.1,ssse3"), always_inline)) inline

// The working variables in the order SHA256RNDS2 wants them (Intel SDM): ABEF and CDGH.
struct Lanes {
    __m128i abef, cdgh;
};

KANSHIKI_SHA Lanes load(const std::array<uint32_t, 8>& state) {
    const __m128i abcd = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state.data()));
    const __m128i efgh = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state.data() + 4));
    const __m128i cdab = _mm_shuffle_epi32(abcd, 0xB1);
    const __m128i hgfe = _mm_shuffle_epi32(efgh, 0x1B);
    return {_mm_alignr_epi8(cdab, hgfe, 8), _mm_blend_epi16(hgfe, cdab, 0xF0)};
}

KANSHIKI_SHA void store(std::array<uint32_t, 8>& state, const Lanes& lanes) {
    const __m128i feba = _mm_shuffle_epi32(lanes.abef, 0x1B);
    const __m128i dchg = _mm_shuffle_epi32(lanes.cdgh, 0xB1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(state.data()), _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(state.data() + 4), _mm_alignr_epi8(dchg, feba, 8));
}

KANSHIKI_SHA void four_rounds(Lanes& lanes, __m128i schedule_plus_constants) {
    lanes.cdgh = _mm_sha256rnds2_epu32(lanes.cdgh, lanes.abef, schedule_plus_constants);
    lanes.abef = _mm_sha256rnds2_epu32(lanes.abef, lanes.cdgh, _mm_shuffle_epi32(schedule_plus_constants, 0x0E));
}

template<size_t States>
__attribute__((target("sha,sse4.1,ssse3"))) void compress_ni(std::array<uint32_t, 8>* const (&states)[States],
                                                             const std::byte* blocks, size_t count) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    Lanes lanes[States];
    for (size_t s = 0; s < States; ++s) lanes[s] = load(*states[s]);
    for (; count > 0; --count, blocks += 64) {
        Lanes before[States];
        for (size_t s = 0; s < States; ++s) before[s] = lanes[s];
        __m128i w[4];
#pragma GCC unroll 16
        for (unsigned i = 0; i < 16; ++i) {
            if (i < 4) {
                w[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(blocks) + i), big_endian);
            } else {
                // W[t] = s1(W[t-2]) + W[t-7] + s0(W[t-15]) + W[t-16], four at a time.
                const __m128i seven_back = _mm_alignr_epi8(w[(i + 3) % 4], w[(i + 2) % 4], 4);
                w[i % 4] = _mm_sha256msg2_epu32(
                    _mm_add_epi32(_mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]), seven_back), w[(i + 3) % 4]);
            }
            const __m128i k = _mm_load_si128(reinterpret_cast<const __m128i*>(round_constants) + i);
            const __m128i wk = _mm_add_epi32(w[i % 4], k);
            for (size_t s = 0; s < States; ++s) four_rounds(lanes[s], wk);
        }
        for (size_t s = 0; s < States; ++s) {
            lanes[s].abef = _mm_add_epi32(lanes[s].abef, before[s].abef);
            lanes[s].cdgh = _mm_add_epi32(lanes[s].cdgh, before[s].cdgh);
        }
    }
    for (size_t s = 0; s < States; ++s) store(*states[s], lanes[s]);
}

// CPUID leaf 7, EBX bit 29; asked directly because GCC 12's __builtin_cpu_supports does not know "sha".
bool ask_processor() {
    unsigned a = 7, b = 0, c = 0, d = 0;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return (b >> 29 & 1) && __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3");
}

} // namespace
#endif

namespace kanshiki {

bool sha256_has_lanes() {
#if defined(__x86_64__)
    static const bool has = ask_processor();
    return has;
#else
    return false;
#endif
}

namespace sha256_detail {

void compress(std::array<uint32_t, 8>& state, const std::byte* blocks, size_t count) {
    if (count == 0) return;
#if defined(__x86_64__)
    if (sha256_has_lanes()) return compress_ni<1>({&state}, blocks, count);
#endif
    compress_plain(state, blocks, count);
}

void compress_two(std::array<uint32_t, 8>& a, std::array<uint32_t, 8>& b, const std::byte* blocks, size_t count) {
#if defined(__x86_64__)
    if (sha256_has_lanes()) return compress_ni<2>({&a, &b}, blocks, count);
#endif
    compress_plain(a, blocks, count);
    compress_plain(b, blocks, count);
}

} // namespace sha256_detail
} // namespace kanshiki
