#pragma once
// A utmp record as glibc writes it, little-endian: 384 bytes (x86-64) or 400 (aarch64).

#include <cstdint>
#include <string>

namespace kanshiki::test {

inline std::string utmp_bytes(size_t size, uint16_t type, uint32_t pid, const std::string& line,
                              const std::string& user, const std::string& host, uint64_t seconds, uint64_t microseconds,
                              const std::string& address = {}) {
    std::string record(size, '\0');
    const auto number = [&](size_t at, size_t bytes, uint64_t value) {
        for (size_t i = 0; i < bytes; ++i) record[at + i] = static_cast<char>(value >> (8 * i) & 255);
    };
    const bool wide = size == 400;
    number(0, 2, type);
    number(4, 4, pid);
    record.replace(8, line.size(), line);
    record.replace(44, user.size(), user);
    record.replace(76, host.size(), host);
    number(wide ? 344 : 340, wide ? 8 : 4, seconds);
    number(wide ? 352 : 344, wide ? 8 : 4, microseconds);
    record.replace(wide ? 360 : 348, address.size(), address);
    return record;
}

} // namespace kanshiki::test
