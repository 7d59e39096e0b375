// Reading what dd writes to standard error.

#include "acquire/source/ssh/dd_command.h"

#include <charconv>

namespace kanshiki::ssh {

namespace {

constexpr std::string_view status_mark = "kanshiki-dd-status ";
constexpr std::string_view bad_mark = "kanshiki-bad ";

std::optional<uint64_t> number(std::string_view text) {
    uint64_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return out;
}

// What dd says, without its name, which it gives as it was called ("dd: ", "/bin/dd: "). Nothing: another speaks.
std::string_view said_by_dd(std::string_view line) {
    constexpr std::string_view name = "dd: ";
    const size_t at = line.find(name);
    if (at == line.npos || (at > 0 && line[at - 1] != '/') || line.find(' ') < at) return {};
    return line.substr(at + name.size());
}

bool has(std::string_view line, std::string_view part) { return line.find(part) != line.npos; }

// "3+1 records in" → 4: blocks that dd is past, whole and partial.
std::optional<uint64_t> records_in(std::string_view line) {
    constexpr std::string_view tail = " records in";
    if (!line.ends_with(tail)) return std::nullopt;
    line.remove_suffix(tail.size());
    const size_t plus = line.find('+');
    if (plus == line.npos) return std::nullopt;
    const auto whole = number(line.substr(0, plus)), partial = number(line.substr(plus + 1));
    if (!whole || !partial || *whole > UINT64_MAX - *partial) return std::nullopt;
    return *whole + *partial;
}

// GNU: "dd: error reading 'PATH': Input/output error"; busybox: "dd: PATH: Input/output error", "dd: read error: …".
bool is_read_error(std::string_view line) {
    line = said_by_dd(line);
    for (const char* gone :
         {"No such device", "No such file", "Permission denied", "not permitted", "Transport endpoint", "Stale file"})
        if (has(line, gone)) return false;
    if (has(line, "failed to open") || has(line, "can't open") || has(line, "error writing") ||
        has(line, "write error"))
        return false;
    return has(line, "error reading") || has(line, "read error") || has(line, "nput/output error") ||
           has(line, "I/O error");
}

Runs misunderstood(Runs out, std::string why) {
    out.understood = false;
    out.why = std::move(why);
    return out;
}

} // namespace

DdStatus dd_status(const std::deque<std::string>& errors) {
    DdStatus out;
    for (const std::string& line : errors) {
        if (std::string_view(line).starts_with(status_mark)) {
            const auto status = number(std::string_view(line).substr(status_mark.size()));
            out.status = status && *status <= 255 ? std::optional(static_cast<int>(*status)) : std::nullopt;
            continue;
        }
        out.read_error = out.read_error || is_read_error(line);
        // dd's record counts say nothing to a person.
        if (line.empty() || has(line, " records ") || has(line, " copied")) continue;
        if (!out.message.empty()) out.message += " | ";
        out.message += line;
    }
    if (out.message.size() > 300) out.message = "…" + out.message.substr(out.message.size() - 300);
    return out;
}

Runs parse_noerror(const std::deque<std::string>& errors, const std::vector<Range>& runs, uint32_t sector) {
    Runs out;
    out.bad.resize(runs.size());
    size_t run = 0;
    bool expecting = false; // an error line came, its record counts have not
    bool last_seen = false; // the counts at the end of this run
    uint64_t last = 0;
    for (const std::string& text : errors) {
        const std::string_view line = text;
        if (line.starts_with(status_mark)) {
            if (run == runs.size() || expecting) return misunderstood(out, "more runs than asked for");
            const uint64_t pieces = (runs[run].size + sector - 1) / sector;
            // With noerror dd's status is no measure: the last record counts say whether it got through.
            if (!last_seen || last != pieces) return misunderstood(out, "dd did not get through its run");
            ++run;
            last_seen = false;
            continue;
        }
        if (run == runs.size()) return misunderstood(out, "lines after the end");
        if (said_by_dd(line).starts_with("error reading ")) {
            if (expecting || last_seen) return misunderstood(out, "an error without record counts");
            expecting = true;
        } else if (const auto past = records_in(line)) {
            const uint64_t pieces = (runs[run].size + sector - 1) / sector;
            if (expecting) {
                // Blocks past so far, whole and partial, are the index of the bad one.
                auto& bad = out.bad[run];
                if (*past >= pieces || (!bad.empty() && *past <= bad.back()))
                    return misunderstood(out, "record counts that do not ascend");
                bad.push_back(*past);
                expecting = false;
                last_seen = false;
            } else {
                if (last_seen) return misunderstood(out, "record counts without an error");
                last = *past;
                last_seen = true;
            }
        }
    }
    if (run != runs.size()) return misunderstood(out, "fewer runs than asked for");
    out.understood = true;
    return out;
}

Runs parse_pieces(const std::deque<std::string>& errors, const std::vector<Range>& runs, uint32_t piece) {
    Runs out;
    out.bad.resize(runs.size());
    size_t run = 0;
    for (const std::string& text : errors) {
        const std::string_view line = text;
        if (line.starts_with(status_mark)) {
            if (run++ == runs.size()) return misunderstood(out, "more runs than asked for");
        } else if (line.starts_with(bad_mark)) {
            const auto index = number(line.substr(bad_mark.size()));
            if (run == runs.size() || !index) return misunderstood(out, "a piece out of place");
            const uint64_t first = runs[run].offset / piece, count = (runs[run].size + piece - 1) / piece;
            auto& bad = out.bad[run];
            if (*index < first || *index - first >= count || (!bad.empty() && *index - first <= bad.back()))
                return misunderstood(out, "pieces that do not ascend");
            bad.push_back(*index - first);
        }
    }
    if (run != runs.size()) return misunderstood(out, "fewer runs than asked for");
    out.understood = true;
    return out;
}

} // namespace kanshiki::ssh
