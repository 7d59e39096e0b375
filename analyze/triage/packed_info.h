#pragma once
// FileInfo in some 40 bytes instead of 230: numbers in groups of seven bits, times as their distance from each other.
// Only for memory of this program: what is read back was written here.

#include "kanshiki/file_system.h"

namespace kanshiki {

// Appends to `out`.
void pack(const FileInfo& info, std::string& out);
// Fills `info` wholly; returns the byte after it.
const char* unpack(const char* at, FileInfo& info);

// Seven bits a byte, lowest first; the eighth says that more follow.
inline char* put_number(char* at, uint64_t value) {
    for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
    *at++ = static_cast<char>(value);
    return at;
}
inline const char* get_number(const char* at, uint64_t& value) {
    value = static_cast<unsigned char>(*at++);
    if (value < 0x80) return at;
    value &= 0x7f;
    for (unsigned shift = 7;; shift += 7) {
        const auto byte = static_cast<unsigned char>(*at++);
        value |= uint64_t{byte & 0x7fu} << shift;
        if (byte < 0x80) return at;
    }
}
// Small numbers of either sign to small numbers.
inline uint64_t folded(uint64_t difference) { return difference << 1 ^ (difference >> 63 ? ~uint64_t{0} : 0); }
inline uint64_t unfolded(uint64_t value) { return value >> 1 ^ (value & 1 ? ~uint64_t{0} : 0); }

inline constexpr size_t longest_number = 10; // bytes

} // namespace kanshiki
