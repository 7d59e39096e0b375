#pragma once
// How sources, the pipeline and commands tell what happens, without knowing the log or the progress bar.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kanshiki {

// kind is one of: "notice" (a person should see it), "command" (something we ran on a far side), "footprint" (what we
// left or ran there otherwise), "login", "retry", "reconnect", "detail" (for the log only).
struct Event {
    std::string kind;
    std::string message;                                          // one line, may hold bytes from outside
    std::vector<std::pair<std::string, std::string>> fields = {}; // machine-readable facts, in order
};

struct Progress {
    std::string phase;            // "acquire", "read back", "verify", "triage" …
    uint64_t done = 0;            // bytes (or files, see unit)
    std::optional<uint64_t> size; // of the whole, when known
    uint64_t unreadable = 0;      // bytes
    uint64_t stored = 0;          // bytes that reached the evidence file; 0 where that says nothing
    const char* unit = "bytes";
};

// Every method may be called from any thread, at any time, and must not throw or block for long.
class Events {
public:
    virtual ~Events() = default;
    virtual void report(const Event& event) = 0;
    virtual void progress(const Progress& progress) = 0;
};

} // namespace kanshiki
