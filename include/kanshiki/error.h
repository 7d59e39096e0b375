#pragma once
// What ends a run is an Error; its code is the program's exit status, one to one (docs/exit-codes.md).
// Unreadable sectors, digest mismatches and lines that will not parse are data, not errors.

#include <stdexcept>
#include <string>

namespace kanshiki {

enum class ExitCode : int {
    ok = 0,
    usage = 2,        // wrong options; an existing image without --force
    source_lost = 3,  // source or network lost or unreachable; what came is kept and can be resumed
    unreadable = 4,   // acquired, with unreadable sectors: evidence complete, the map says where
    destination = 5,  // no space, write error; what came is kept and can be resumed
    refused = 6,      // trying again changes nothing: host key, login, sudo, missing device or tool, source in use
    later_step = 7,   // the evidence is complete, a later step (triage, timestamp, upload) is not
    altered = 10,     // evidence altered, truncated, or not authentic as required
    never_valid = 11, // the input was never a valid image, manifest, proof or snapshot
    internal = 70,
    interrupted = 130, // SIGINT, SIGTERM, SIGHUP: a checkpoint is written; can be resumed
};

// message: one line that says what, where (path, offset) and what to do. It may hold bytes from outside: whoever
// prints it escapes it.
class Error : public std::runtime_error {
public:
    Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
    ExitCode code() const noexcept { return code_; }

private:
    ExitCode code_;
};

} // namespace kanshiki
