#include "acquire/block/zero.h"

#include <cstdint>
#include <cstring>

namespace kanshiki {

bool is_zero(std::span<const std::byte> bytes) {
    constexpr size_t block = 512;
    size_t at = 0;
    for (; at + block <= bytes.size(); at += block) {
        uint64_t seen = 0;
        for (size_t i = 0; i < block; i += 8) {
            uint64_t word;
            std::memcpy(&word, bytes.data() + at + i, 8);
            seen |= word;
        }
        if (seen) return false;
    }
    for (; at < bytes.size(); ++at)
        if (bytes[at] != std::byte{0}) return false;
    return true;
}

} // namespace kanshiki
