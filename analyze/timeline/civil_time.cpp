#include "analyze/timeline/civil_time.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace kanshiki {
namespace {

constexpr int64_t day = 86400, era_days = 146097; // 400 years

constexpr auto pairs = [] {
    std::array<char, 200> text{};
    for (unsigned value = 0; value < 100; value++) {
        text[2 * value] = static_cast<char>('0' + value / 10);
        text[2 * value + 1] = static_cast<char>('0' + value % 10);
    }
    return text;
}();

// By hand: a listing has millions of times, and snprintf took half of its time.
char* put_pair(char* at, char before, uint64_t value) {
    if (before != 0) *at++ = before;
    std::memcpy(at, &pairs[2 * value], 2);
    return at + 2;
}

// At least four digits.
char* put_year(char* at, int64_t year) {
    if (year < 0) *at++ = '-';
    const uint64_t positive = static_cast<uint64_t>(year < 0 ? -year : year);
    if (positive > 9999) return std::to_chars(at, at + 20, positive).ptr;
    return put_pair(put_pair(at, 0, positive / 100), 0, positive % 100);
}

} // namespace

char* put_iso8601(char* at, const Timestamp& time, unsigned digits) {
    // Days since 0000-03-01, so that the leap day is the last of its year; one era is 400 years.
    int64_t days = time.seconds / day + 719468, second = time.seconds % day;
    if (second < 0) second += day, days--;
    const int64_t era = (days >= 0 ? days : days - era_days + 1) / era_days;
    const int64_t of_era = days - era * era_days;
    const int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t shifted = (5 * of_year + 2) / 153; // month, from March
    const int64_t day_of_month = of_year - (153 * shifted + 2) / 5 + 1;
    const int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    at = put_pair(put_pair(put_year(at, year), '-', static_cast<uint64_t>(month)), '-',
                  static_cast<uint64_t>(day_of_month));
    const auto of_day = static_cast<uint64_t>(second);
    at = put_pair(put_pair(put_pair(at, 'T', of_day / 3600), ':', of_day / 60 % 60), ':', of_day % 60);
    if (digits > 0) {
        const uint32_t nanoseconds = time.nanoseconds % 1'000'000'000;
        *at++ = '.';
        char* fraction = put_pair(put_pair(at, 0, nanoseconds / 10'000'000), 0, nanoseconds / 100'000 % 100);
        fraction = put_pair(put_pair(fraction, 0, nanoseconds / 1000 % 100), 0, nanoseconds / 10 % 100);
        *fraction = static_cast<char>('0' + nanoseconds % 10);
        at += std::min(digits, 9u);
    }
    *at++ = 'Z';
    return at;
}

std::string iso8601(const Timestamp& time, unsigned digits) {
    char text[iso8601_room];
    return {text, put_iso8601(text, time, digits)};
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
