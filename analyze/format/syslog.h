#pragma once
// Lines of syslog files: RFC 3164 as rsyslog and syslogd write it ("Nov 23 05:52:11 host sshd[1]: text", no year and no
// zone), RFC 3339 stamps (rsyslog's FileFormat), RFC 5424 with its version and structured data.

#include "analyze/format/lines.h"

namespace kanshiki::format {

// Seconds since 1970-01-01 UTC of a civil time (proleptic Gregorian).
int64_t utc_seconds(int64_t year, int month, int day, int hour, int minute, int second);

struct SyslogLine {
    // Either a whole time …
    std::optional<int64_t> seconds;
    uint32_t nanoseconds = 0;
    // … or a local one without a year, for YearKeeper.
    int month = 0, day = 0, hour = 0, minute = 0, second = 0;
    std::string_view host, program; // of "sshd[12]": "sshd"
    std::optional<uint64_t> pid;
    std::string_view message;
};

// Views into `line`. Nothing when it begins with no time stamp.
std::optional<SyslogLine> parse_syslog(std::string_view line);

// Gives years to RFC 3164 lines met in file order: whenever the calendar jumps back by more than a week a new year has
// begun. The file was last written in the year of its last line, so years count backwards from the file's mtime.
class YearKeeper {
public:
    // The line's year relative to the first line's.
    int relative_year(const SyslogLine& line);
    // The year that relative year 0 stands for, once all lines have been given.
    int64_t first_year(int64_t modified) const;

private:
    static int64_t in_year(const SyslogLine& line); // seconds since January 1 of a leap year
    int years_ = 0;
    bool any_ = false;
    int64_t last_ = 0;
    SyslogLine last_line_; // its numbers only: the views are dead
};

} // namespace kanshiki::format
