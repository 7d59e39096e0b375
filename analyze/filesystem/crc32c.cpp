#include "analyze/filesystem/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace kanshiki {
namespace {

constexpr uint32_t polynomial = 0x82f63b78; // reflected

constexpr auto make_table() {
    std::array<uint32_t, 256> table{};
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (unsigned bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? polynomial : 0);
        table[byte] = value;
    }
    return table;
}

uint32_t by_table(uint32_t state, std::span<const std::byte> bytes) {
    static constexpr auto table = make_table();
    for (const std::byte byte : bytes) state = state >> 8 ^ table[(state ^ std::to_integer<uint32_t>(byte)) & 0xff];
    return state;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t by_instruction(uint32_t state, std::span<const std::byte> bytes) {
    uint64_t wide = state;
    size_t at = 0;
    for (; bytes.size() - at >= 8; at += 8) {
        uint64_t word = 0;
        std::memcpy(&word, bytes.data() + at, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    state = static_cast<uint32_t>(wide);
    for (; at < bytes.size(); at++) state = _mm_crc32_u8(state, std::to_integer<uint8_t>(bytes[at]));
    return state;
}
#endif

} // namespace

uint32_t crc32c(uint32_t state, std::span<const std::byte> bytes) {
#if defined(__x86_64__)
    static const bool instruction = __builtin_cpu_supports("sse4.2");
    if (instruction) return by_instruction(state, bytes);
#endif
    return by_table(state, bytes);
}

} // namespace kanshiki
