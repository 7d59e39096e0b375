#pragma once
// systemd unit files and drop-ins: systemd.syntax(7), systemd.service(5) for the prefixes of Exec*= lines.

#include "analyze/format/lines.h"

namespace kanshiki::format {

struct UnitSetting {
    std::string section, key, value; // value with its continuation lines, joined by blanks
    Spot at;
};

Parsed<UnitSetting> parse_unit_file(std::string_view text);

// "-@:+!" and "|" before the path of an Exec*= value, taken off.
std::string_view without_exec_prefix(std::string_view value);

// Everything that names programs to run: ExecStart=, ExecStartPre= …
bool is_exec_key(std::string_view key);

} // namespace kanshiki::format
