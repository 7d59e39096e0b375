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

using LogValue =
    std::variant<std::string, uint64_t, int64_t, bool, double, std::vector<uint64_t>, std::vector<std::string>>;
using LogFields = std::vector<std::pair<std::string, LogValue>>; // written in this order

class AuditLog {
public:
    // A new log; an existing file is replaced. 0600 until seal_file (manifest.h).
    static std::unique_ptr<AuditLog> create(const std::filesystem::path& path);
    // Goes on with a log after a kill. A torn last line (no newline, or not JSON) is cut off and said in a first new
    // entry, "torn line cut off" with its bytes' number and SHA-256; a chain broken elsewhere, or no such file, is
    // Error{altered}.
    static std::unique_ptr<AuditLog> reopen(const std::filesystem::path& path);

    ~AuditLog();
    AuditLog(const AuditLog&) = delete;
    AuditLog& operator=(const AuditLog&) = delete;

    // Any thread; whole lines, one write(2) each. Strings may be any bytes (escape.h); one over 64 KiB is cut, which
    // its end then says with the whole's size and SHA-256; of an entry over 1 MiB only its size and SHA-256 are kept. A
    // field named as an earlier one gets a "_" behind it. Throws only Error{destination}; the chain goes on after that.
    void append(std::string_view event, const LogFields& fields);
    void sync(); // fdatasync; any thread
    Digest head() const;
    uint64_t entries() const; // lines in all, those before reopen() included
    const std::filesystem::path& path() const { return path_; }

private:
    AuditLog() = default;
    mutable std::mutex mutex_;
    std::filesystem::path path_;
    int fd_ = -1;
    uint64_t seq_ = 0;
    uint64_t size_ = 0; // of the whole lines
    Digest prev_{};
};

// A log as read back. Strings hold whatever UTF-8 the line held.
struct LogLine {
    uint64_t number = 0; // line in the file, from 1
    std::string event;
    std::string json; // the whole line, to look further into
};

struct LogCheck {
    std::vector<LogLine> lines; // only those of the events asked for
    uint64_t entries = 0;       // good ones
    Digest head{};              // of the last good one
    bool torn = false;          // the last line has no newline (a kill in mid-write), or is the last and no JSON
    std::optional<uint64_t>
        broken_at;          // first line (from 1) whose prev, seq or syntax is wrong; nothing beyond was read
    std::string why;        // of torn or broken_at
    uint64_t good_size = 0; // bytes of the lines before the torn or broken one
    uint64_t size = 0;      // of the file
};

// Reads the log with bounded memory: 1 MiB a line, 64 MiB of kept lines. Keeps lines whose event is in `events`; "*"
// keeps all. Error{never_valid} when the file cannot be opened or read.
LogCheck check_log(const std::filesystem::path& path, const std::vector<std::string>& events);

// Fields of one line, for resume: nothing when absent or of another type.
std::optional<std::string> log_string(const LogLine& line, std::string_view field);
std::optional<uint64_t> log_uint(const LogLine& line, std::string_view field);
std::vector<std::string> log_strings(const LogLine& line, std::string_view field);

} // namespace kanshiki
