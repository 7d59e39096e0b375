#pragma once
// A log file's bytes, plain or gzipped, in pieces and within bounds.

#include "kanshiki/analyzer.h"

#include <functional>

namespace kanshiki {

// Log names as logrotate makes them: "auth.log", "auth.log.2.gz", "secure-20261122".
struct LogName {
    std::string_view stem; // "auth.log"
    bool gzip = false;
    bool other_compression = false; // .xz .bz2 .zst: not read
};
// For a file directly in /var/log; /log/ and / stand for /var and /var/log as volumes of their own.
std::optional<LogName> log_name(std::string_view path);

// What cannot be read or goes beyond the bounds is told to the coverage ledger; damage ends the stream there.
void stream_log(const FileView& file, const LogName& name, const std::function<void(std::string_view)>& piece);

} // namespace kanshiki
