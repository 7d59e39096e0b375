// The compression function of SHA-256 (FIPS 180-4, 6.2.2), for one or two states over the same message blocks.
#include "acquire/block/sha256.h"
#include "acquire/block/sha256_rounds.h"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__x86_64__)
namespace {

using kanshiki::sha256_detail::round_constants;

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
