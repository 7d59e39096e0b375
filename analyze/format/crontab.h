#pragma once
// crontab(5): user crontabs, and system ones (/etc/crontab, /etc/cron.d) that carry a user field.

#include "analyze/format/lines.h"

namespace kanshiki::format {

enum class CrontabStyle : uint8_t { user, system };

struct CronJob {
    std::string schedule; // "@reboot" or the five fields, one blank between
    std::string user;     // of system crontabs
    std::string command;  // up to the first % that no backslash escapes
    std::string input;    // what follows it: given to the command on standard input
    Spot at;
};

struct CronSetting {
    std::string name, value; // PATH, SHELL, LD_PRELOAD …
    Spot at;
};

struct Crontab {
    std::vector<CronJob> jobs;
    std::vector<CronSetting> settings;
    Unparsed unparsed;
};

Crontab parse_crontab(std::string_view text, CrontabStyle style);

} // namespace kanshiki::format
