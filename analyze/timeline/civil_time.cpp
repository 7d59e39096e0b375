#include "analyze/timeline/civil_time.h"

#include <algorithm>
#include <cstdio>

namespace kanshiki {
namespace {

constexpr int64_t day = 86400, era_days = 146097; // 400 years

} // namespace

std::string iso8601(const Timestamp& time, unsigned digits) {
    const int64_t second = ((time.seconds % day) + day) % day;
    // Days since 0000-03-01, so that the leap day is the last of its year; one era is 400 years.
    const int64_t days = (time.seconds - second) / day + 719468;
    const int64_t era = (days >= 0 ? days : days - era_days + 1) / era_days;
    const int64_t of_era = days - era * era_days;
    const int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t shifted = (5 * of_year + 2) / 153; // month, from March
    const int64_t day_of_month = of_year - (153 * shifted + 2) / 5 + 1;
    const int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    char text[64];
    snprintf(text, sizeof text, "%04lld-%02d-%02dT%02d:%02d:%02d", static_cast<long long>(year), static_cast<int>(month),
             static_cast<int>(day_of_month), static_cast<int>(second / 3600), static_cast<int>(second / 60 % 60),
             static_cast<int>(second % 60));
    std::string result = text;
    if (digits > 0) {
        snprintf(text, sizeof text, ".%09u", time.nanoseconds);
        result.append(text, 1 + std::min(digits, 9u));
    }
    return result + "Z";
}

std::string iso8601_offset(const Timestamp& time, unsigned digits) {
    std::string text = iso8601(time, digits);
    text.pop_back();
    return text + "+00:00";
}

int64_t microseconds(const Timestamp& time) {
    constexpr int64_t most = INT64_MAX / 1'000'000 - 1;
    return std::clamp(time.seconds, -most, most) * 1'000'000 + time.nanoseconds / 1000;
}

} // namespace kanshiki
