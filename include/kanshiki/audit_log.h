#pragma once
// IMAGE.log.jsonl: the acquisition log (docs/formats/log.md). One JSON object a line; each carries `seq` (from 0),
// `time` (UTC, microseconds, RFC 3339), `event`, the event's own fields, and last `prev`: the lower-case hex SHA-256 of
// the whole line before it, its newline excluded (64 zeros on the first). So `sha256sum` over a line checks the chain.
// The head is the SHA-256 of the last line; the manifest binds it.

#include "kanshiki/digest.h"

#include <filesystem>
#include <memory>
#include <mutex>
#include <variant>

namespace kanshiki {

using LogValue = std::variant<std::string, uint64_t, int64_t, bool, double, std::vector<uint64_t>, std::vector<std::string>>;
using LogFields = std::vector<std::pair<std::string, LogValue>>; // written in this order

class AuditLog {
public:
    // A new log; an existing file is replaced.
    static std::unique_ptr<AuditLog> create(const std::filesystem::path& path);
    // Goes on with a log after a kill. A torn last line (no newline, or not JSON) is cut off and said in a first new
    // entry; a chain broken elsewhere is Error{altered}.
    static std::unique_ptr<AuditLog> reopen(const std::filesystem::path& path);

    ~AuditLog();
    void append(std::string_view event, const LogFields& fields); // any thread; whole lines, one write(2) each
    void sync();                                                   // fdatasync; any thread
    Digest head() const;
    const std::filesystem::path& path() const { return path_; }

private:
    AuditLog() = default;
    mutable std::mutex mutex_;
    std::filesystem::path path_;
    int fd_ = -1;
    uint64_t seq_ = 0;
    Digest prev_{};
};

// A log as read back. Strings hold whatever UTF-8 the line held.
struct LogLine {
    uint64_t number = 0; // line in the file, from 1
    std::string event;
    std::string json;    // the whole line, to look further into
};

struct LogCheck {
    std::vector<LogLine> lines; // only those of the events asked for
    uint64_t entries = 0;
    Digest head{};
    bool torn = false;                        // the last line is incomplete
    std::optional<uint64_t> broken_at;        // first line (from 1) whose prev, seq or syntax is wrong
    std::string why;                          // of broken_at
};

// Reads the log with bounded memory per line (1 MiB). Keeps lines whose event is in `events`; "*" keeps all.
LogCheck check_log(const std::filesystem::path& path, const std::vector<std::string>& events);

// Fields of one line, for resume: nothing when absent or of another type.
std::optional<std::string> log_string(const LogLine& line, std::string_view field);
std::optional<uint64_t> log_uint(const LogLine& line, std::string_view field);
std::vector<std::string> log_strings(const LogLine& line, std::string_view field);

} // namespace kanshiki
