#include "analyze/format/utmp.h"

#include <algorithm>
#include <arpa/inet.h>

namespace kanshiki::format {

namespace {

// Offsets of glibc's struct utmp (bits/utmp.h); the fields before ut_session are the same on both.
constexpr size_t pid_at = 4, line_at = 8, id_at = 40, user_at = 44, host_at = 76;
constexpr size_t time32_at = 340, address32_at = 348; // __WORDSIZE_TIME64_COMPAT32
constexpr size_t time64_at = 344, address64_at = 360; // ut_session is a long at 336

template<class T>
T number(std::span<const std::byte> record, size_t offset) {
    T value = 0;
    for (size_t i = sizeof(T); i-- > 0;) value = static_cast<T>(value << 8 | std::to_integer<T>(record[offset + i]));
    return value;
}

std::string text(std::span<const std::byte> record, size_t offset, size_t size) {
    std::string result;
    for (size_t i = 0; i < size && record[offset + i] != std::byte{0}; ++i)
        result += std::to_integer<char>(record[offset + i]);
    return result;
}

std::string address_of(std::span<const std::byte> raw) {
    const bool v4 = is_all_zero(raw.subspan(4));
    if (is_all_zero(raw)) return {};
    char name[INET6_ADDRSTRLEN] = {};
    return inet_ntop(v4 ? AF_INET : AF_INET6, raw.data(), name, sizeof name) != nullptr ? name : "";
}

} // namespace

bool is_all_zero(std::span<const std::byte> record) {
    return std::all_of(record.begin(), record.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

std::optional<UtmpRecord> parse_utmp(std::span<const std::byte> record) {
    const bool wide = record.size() == utmp_size_aarch64;
    if (!wide && record.size() != utmp_size_x86_64) return std::nullopt;
    const auto type = number<uint16_t>(record, 0);
    if (type > 9) return std::nullopt;
    UtmpRecord result;
    result.type = static_cast<UtmpType>(type);
    result.pid = static_cast<int32_t>(number<uint32_t>(record, pid_at));
    result.line = text(record, line_at, 32);
    result.id = text(record, id_at, 4);
    result.user = text(record, user_at, 32);
    result.host = text(record, host_at, 256);
    const uint64_t microseconds =
        wide ? number<uint64_t>(record, time64_at + 8) : number<uint32_t>(record, time32_at + 4);
    if (microseconds >= 1'000'000) return std::nullopt;
    result.microseconds = static_cast<uint32_t>(microseconds);
    // ut_tv is unsigned in current glibc, so that it lasts until 2106.
    const uint64_t seconds = wide ? number<uint64_t>(record, time64_at) : number<uint32_t>(record, time32_at);
    if (seconds > UINT32_MAX) return std::nullopt;
    result.seconds = static_cast<int64_t>(seconds);
    result.address = address_of(record.subspan(wide ? address64_at : address32_at, 16));
    return result;
}

size_t utmp_record_size(std::span<const std::byte> beginning) {
    const auto score = [&](size_t size) {
        constexpr int64_t year_1990 = 631152000;
        size_t good = 0, seen = 0;
        for (size_t at = 0; at + size <= beginning.size() && seen < 64; at += size, ++seen) {
            const auto record = parse_utmp(beginning.subspan(at, size));
            if (record && record->type != UtmpType::empty && record->seconds > year_1990) ++good;
        }
        return seen == 0 ? 0 : good * 1000 / seen;
    };
    return score(utmp_size_aarch64) > score(utmp_size_x86_64) ? utmp_size_aarch64 : utmp_size_x86_64;
}

} // namespace kanshiki::format
