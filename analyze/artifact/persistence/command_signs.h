#pragma once
// What speaks against a command that the system runs by itself: cron jobs, services, start-up scripts.

#include "kanshiki/finding.h"

#include <string>
#include <string_view>
#include <vector>

namespace kanshiki {

struct Sign {
    std::string_view id; // "temp-path"
    Severity severity;
    std::string words;            // "runs /tmp/x from a folder that everyone can write"
    std::string_view attack = {}; // where it says more than the way of persistence
};

// Most severe first, each id once. Shell syntax; an Exec*= line of systemd is close enough to it.
std::vector<Sign> signs_of(std::string_view command);

// The programs and scripts the command starts, as far as they are named by an absolute path.
std::vector<std::string> programs_of(std::string_view command);

// For a path that something runs or loads: temporary or hidden folders; nothing when it looks ordinary.
std::vector<Sign> signs_of_path(std::string_view path);

} // namespace kanshiki
