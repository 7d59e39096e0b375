#pragma once
// Fields of on-disk structures, bounds checked.

#include "kanshiki/error.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace kanshiki {

template<class T>
T little_endian(std::span<const std::byte> bytes, size_t at) {
    if (at > bytes.size() || bytes.size() - at < sizeof(T))
        throw Error(ExitCode::never_valid, "a structure on disk is cut short at byte " + std::to_string(at));
    T value = 0;
    for (size_t index = sizeof(T); index-- > 0;) value = static_cast<T>(value << 8 | static_cast<T>(bytes[at + index]));
    return value;
}

template<class T>
T big_endian(std::span<const std::byte> bytes, size_t at) {
    if (at > bytes.size() || bytes.size() - at < sizeof(T))
        throw Error(ExitCode::never_valid, "a structure on disk is cut short at byte " + std::to_string(at));
    T value = 0;
    for (size_t index = 0; index < sizeof(T); index++)
        value = static_cast<T>(value << 8 | static_cast<T>(bytes[at + index]));
    return value;
}

inline uint16_t le16(std::span<const std::byte> bytes, size_t at) { return little_endian<uint16_t>(bytes, at); }
inline uint32_t le32(std::span<const std::byte> bytes, size_t at) { return little_endian<uint32_t>(bytes, at); }
inline uint64_t le64(std::span<const std::byte> bytes, size_t at) { return little_endian<uint64_t>(bytes, at); }
inline uint16_t be16(std::span<const std::byte> bytes, size_t at) { return big_endian<uint16_t>(bytes, at); }
inline uint32_t be32(std::span<const std::byte> bytes, size_t at) { return big_endian<uint32_t>(bytes, at); }
inline uint64_t be64(std::span<const std::byte> bytes, size_t at) { return big_endian<uint64_t>(bytes, at); }

} // namespace kanshiki
