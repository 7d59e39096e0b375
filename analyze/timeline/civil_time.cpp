#include "analyze/timeline/civil_time.h"

#include <algorithm>

namespace kanshiki {
namespace {

constexpr int64_t day = 86400, era_days = 146097; // 400 years

// Decimal, at least `width` digits. By hand: a listing has millions of times, and snprintf took half of its time.
void append(std::string& text, int64_t value, unsigned width) {
    char digits[20];
    unsigned count = 0;
    for (; value > 0 || count < width; value /= 10) digits[count++] = static_cast<char>('0' + value % 10);
    while (count > 0) text += digits[--count];
}

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
    std::string text = year < 0 ? "-" : "";
    append(text, year < 0 ? -year : year, 4);
    append(text += '-', month, 2);
    append(text += '-', day_of_month, 2);
    append(text += 'T', second / 3600, 2);
    append(text += ':', second / 60 % 60, 2);
    append(text += ':', second % 60, 2);
    if (digits > 0) {
        append(text += '.', time.nanoseconds, 9);
        text.resize(text.size() - 9 + std::min(digits, 9u));
    }
    return text += 'Z';
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
