#pragma once
// Times as people type them.

#include "kanshiki/file_system.h"

#include <string_view>

namespace kanshiki {

// "2026-11-26", "2026-11-26T12:30", "2026-11-26T12:30:05.25Z", "2026-11-26 12:30:05+09:00"; UTC where no zone is said.
// Of a date alone: its first moment, or with `end` its last. Nothing when it is none of these.
std::optional<Timestamp> parse_time(std::string_view text, bool end);

} // namespace kanshiki
