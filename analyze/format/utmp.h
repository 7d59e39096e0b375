#pragma once
// utmp, wtmp and btmp, utmp(5): fixed records, 384 bytes on x86-64 (times of 32 bits), 400 on aarch64 (of 64 bits). A
// file does not say which, so the records' own validity decides. Little-endian only: what Linux in the cloud is.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace kanshiki::format {

enum class UtmpType : uint16_t {
    empty = 0,
    run_level = 1,
    boot = 2,
    new_time = 3,
    old_time = 4,
    init = 5,
    login = 6,
    user = 7,
    dead = 8,
    accounting = 9,
};

struct UtmpRecord {
    UtmpType type = UtmpType::empty;
    int32_t pid = 0;
    std::string line, id, user, host; // up to their NUL
    int64_t seconds = 0;
    uint32_t microseconds = 0;
    std::string address; // "" when none
};

constexpr size_t utmp_size_x86_64 = 384, utmp_size_aarch64 = 400;

// From the beginning of a file: the record size under which more of its first records make sense; the smaller on a tie.
size_t utmp_record_size(std::span<const std::byte> beginning);

// record.size() tells the layout. Nothing when no system would have written it; all zeros is a valid empty record.
std::optional<UtmpRecord> parse_utmp(std::span<const std::byte> record);
bool is_all_zero(std::span<const std::byte> record);

} // namespace kanshiki::format
