#include "analyze/format/syslog.h"

#include <array>
#include <ctime>

namespace kanshiki::format {

namespace {

constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Takes exactly `digits` digits; -1 when they are not there.
int take_number(std::string_view& text, size_t digits) {
    if (text.size() < digits) return -1;
    int value = 0;
    for (size_t i = 0; i < digits; ++i) {
        if (!is_digit(text[i])) return -1;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return value;
}

bool take(std::string_view& text, char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}

bool take_clock(std::string_view& text, SyslogLine& line) {
    line.hour = take_number(text, 2);
    if (line.hour < 0 || line.hour > 23 || !take(text, ':')) return false;
    line.minute = take_number(text, 2);
    if (line.minute < 0 || line.minute > 59 || !take(text, ':')) return false;
    line.second = take_number(text, 2);
    return line.second >= 0 && line.second <= 60; // 60: a leap second
}

bool valid_day(const SyslogLine& line) {
    constexpr int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return line.month >= 1 && line.month <= 12 && line.day >= 1 && line.day <= days[line.month - 1];
}

bool take_rfc3164(std::string_view& text, SyslogLine& line) {
    for (size_t i = 0; i < months.size(); ++i)
        if (text.starts_with(months[i])) line.month = static_cast<int>(i) + 1;
    if (line.month == 0) return false;
    text.remove_prefix(3);
    if (!take(text, ' ')) return false;
    if (take(text, ' ')) {
        line.day = take_number(text, 1);
    } else {
        std::string_view two = text;
        line.day = take_number(two, 2);
        if (line.day >= 0)
            text = two;
        else
            line.day = take_number(text, 1);
    }
    return valid_day(line) && take(text, ' ') && take_clock(text, line);
}

void take_fraction(std::string_view& text, SyslogLine& line) {
    if (!take(text, '.') && !take(text, ',')) return;
    uint32_t scale = 100'000'000;
    while (!text.empty() && is_digit(text.front())) {
        line.nanoseconds += scale * static_cast<uint32_t>(text.front() - '0');
        scale /= 10;
        text.remove_prefix(1);
    }
}

bool take_rfc3339(std::string_view& text, SyslogLine& line) {
    const int year = take_number(text, 4);
    if (year < 1970 || !take(text, '-')) return false;
    line.month = take_number(text, 2);
    if (!take(text, '-')) return false;
    line.day = take_number(text, 2);
    if (!valid_day(line) || (!take(text, 'T') && !take(text, ' ')) || !take_clock(text, line)) return false;
    take_fraction(text, line);
    int64_t ahead = 0; // of UTC
    if (!take(text, 'Z') && (text.starts_with('+') || text.starts_with('-'))) {
        const bool minus = text.front() == '-';
        text.remove_prefix(1);
        const int hours = take_number(text, 2);
        take(text, ':');
        const int minutes = take_number(text, 2);
        if (hours < 0 || minutes < 0) return false;
        ahead = (minus ? -1 : 1) * (hours * 3600 + minutes * 60);
    }
    line.seconds = utc_seconds(year, line.month, line.day, line.hour, line.minute, line.second) - ahead;
    return true;
}

void take_tag(std::string_view& text, SyslogLine& line) {
    size_t end = 0;
    while (end < text.size() && !is_blank(text[end]) && text[end] != ':' && text[end] != '[') ++end;
    line.program = text.substr(0, end);
    std::string_view rest = text.substr(end);
    if (rest.starts_with('[')) {
        const size_t close = rest.find(']');
        if (close != rest.npos && close < 24) {
            line.pid = decimal(rest.substr(1, close - 1));
            rest.remove_prefix(close + 1);
        }
    }
    take(rest, ':');
    line.message = trim(rest);
    line.program = line.program.substr(line.program.rfind('/') + 1);
}

// RFC 5424 section 6: VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP STRUCTURED-DATA [SP MSG]
bool parse_rfc5424(std::string_view text, SyslogLine& line) {
    if (!take(text, '1') || !take(text, ' ') || !take_rfc3339(text, line)) return false;
    line.host = take_word(text);
    line.program = take_word(text);
    line.pid = decimal(take_word(text));
    take_word(text); // MSGID
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    if (text.starts_with(
            '[')) { // elements until one is not followed by another; ] inside quotes is escaped by a backslash
        bool quoted = false;
        size_t at = 0;
        for (; at < text.size(); ++at) {
            if (text[at] == '\\')
                ++at;
            else if (text[at] == '"')
                quoted = !quoted;
            else if (text[at] == ']' && !quoted && (at + 1 == text.size() || text[at + 1] != '['))
                break;
        }
        text.remove_prefix(std::min(at + 1, text.size()));
    } else {
        take_word(text); // "-"
    }
    if (text.starts_with(" \xef\xbb\xbf")) text.remove_prefix(4); // a UTF-8 message may begin with a byte order mark
    line.message = trim(text);
    return true;
}

} // namespace

// Days from the civil calendar, counted in 400-year cycles from 0000-03-01.
int64_t utc_seconds(int64_t year, int month, int day, int hour, int minute, int second) {
    year -= month <= 2;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t of_era = year - era * 400;
    const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
    return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

std::optional<SyslogLine> parse_syslog(std::string_view text) {
    if (text.starts_with('<')) { // a priority, as relays keep it
        const size_t end = text.find('>');
        if (end == text.npos || end > 4) return std::nullopt;
        text.remove_prefix(end + 1);
    }
    SyslogLine line;
    if (text.starts_with("1 ") && parse_rfc5424(text, line)) return line;
    line = {};
    std::string_view rest = text;
    if (!take_rfc3339(rest, line)) {
        line = {};
        rest = text;
        if (!take_rfc3164(rest, line)) return std::nullopt;
    }
    if (!take(rest, ' ')) return std::nullopt;
    line.host = take_word(rest);
    take(rest, ' ');
    take_tag(rest, line);
    return line;
}

int64_t YearKeeper::in_year(const SyslogLine& line) {
    return utc_seconds(2024, line.month, line.day, line.hour, line.minute, line.second) -
           utc_seconds(2024, 1, 1, 0, 0, 0);
}

int YearKeeper::relative_year(const SyslogLine& line) {
    constexpr int64_t week = 7 * 86400; // less is a clock that was set, not a new year
    const int64_t now = in_year(line);
    if (any_ && now < last_ - week) ++years_;
    any_ = true;
    last_ = now;
    last_line_ = line;
    return years_;
}

int64_t YearKeeper::first_year(int64_t modified) const {
    const std::time_t when = modified;
    std::tm parts{};
    if (gmtime_r(&when, &parts) == nullptr) return 1970;
    int64_t year = parts.tm_year + 1900LL;
    // The last line was written before the file's mtime; a day of grace for time zones.
    if (any_ && utc_seconds(year, last_line_.month, last_line_.day, last_line_.hour, last_line_.minute,
                            last_line_.second) > modified + 86400)
        --year;
    return year - years_;
}

} // namespace kanshiki::format
