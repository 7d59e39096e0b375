#include "analyze/timeline/parse_time.h"

#include <chrono>

namespace kanshiki {
namespace {

class Digits {
public:
    explicit Digits(std::string_view text) : left(text) {}
    std::optional<int> number(size_t width) {
        if (left.size() < width) return {};
        int value = 0;
        for (const char digit : left.substr(0, width)) {
            if (digit < '0' || digit > '9') return {};
            value = value * 10 + (digit - '0');
        }
        left.remove_prefix(width);
        return value;
    }
    bool skip(char what) {
        if (left.empty() || left.front() != what) return false;
        left.remove_prefix(1);
        return true;
    }
    std::string_view left;
};

std::optional<int64_t> days_of(Digits& text) {
    const auto year = text.number(4);
    if (!year || !text.skip('-')) return {};
    const auto month = text.number(2);
    if (!month || !text.skip('-')) return {};
    const auto day = text.number(2);
    if (!day) return {};
    const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return {};
    return std::chrono::sys_days(date).time_since_epoch().count();
}

// "HH:MM" -> seconds
std::optional<int> clock(Digits& text) {
    const auto hour = text.number(2);
    if (!hour || *hour > 23 || !text.skip(':')) return {};
    const auto minute = text.number(2);
    if (!minute || *minute > 59) return {};
    return *hour * 3600 + *minute * 60;
}

std::optional<uint32_t> fraction(Digits& text) {
    uint32_t value = 0, unit = 1'000'000'000;
    while (!text.left.empty() && text.left.front() >= '0' && text.left.front() <= '9' && unit > 1) {
        unit /= 10;
        value += static_cast<uint32_t>(text.left.front() - '0') * unit;
        text.left.remove_prefix(1);
    }
    if (unit == 1'000'000'000) return {};
    return value;
}

} // namespace

std::optional<Timestamp> parse_time(std::string_view words, bool end) {
    Digits text(words);
    const auto days = days_of(text);
    if (!days) return {};
    Timestamp time{*days * 86400, 0};
    if (text.left.empty()) return end ? Timestamp{time.seconds + 86399, 999'999'999} : time;
    if (!text.skip('T') && !text.skip(' ')) return {};
    const auto minutes = clock(text);
    if (!minutes) return {};
    time.seconds += *minutes;
    if (text.skip(':')) {
        const auto second = text.number(2);
        if (!second || *second > 59) return {};
        time.seconds += *second;
        if (text.skip('.')) {
            const auto part = fraction(text);
            if (!part) return {};
            time.nanoseconds = *part;
        }
    }
    if (text.left.empty() || text.left == "Z") return time;
    const int sign = text.skip('+') ? 1 : text.skip('-') ? -1 : 0;
    const auto zone = sign != 0 ? clock(text) : std::nullopt;
    if (!zone || !text.left.empty()) return {};
    time.seconds -= sign * *zone;
    return time;
}

} // namespace kanshiki
