// Reading a log back: docs/formats/log.md. The bytes are hostile.

#include "acquire/custody/files.h"
#include "acquire/custody/json_text.h"
#include "kanshiki/audit_log.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>

namespace kanshiki {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t longest_line = 1024 * 1024;
constexpr size_t most_kept = 64 * 1024 * 1024;
constexpr JsonLimits limits{.depth = 4, .values = 200'000, .keys = 256};

class Check {
public:
    explicit Check(const std::vector<std::string>& events) : events_(events) {}

    // One whole line without its newline; false ends the reading.
    bool line(std::string_view text) {
        Json entry;
        if (std::string why = parse_json(text, limits, entry); !why.empty()) return bad_syntax(std::move(why));
        if (!entry.is_object()) return bad_syntax("not a JSON object");
        const auto field = [&](const char* name) -> const Json& {
            static const Json none;
            const auto found = entry.find(name);
            return found == entry.end() ? none : *found;
        };
        if (!field("time").is_string() || !field("event").is_string() || !field("prev").is_string())
            return broken("time, event or prev is missing or not text");
        if (!field("seq").is_number_unsigned() || field("seq").get<uint64_t>() != result.entries)
            return broken("seq is not " + std::to_string(result.entries));
        if (field("prev").get_ref<const std::string&>() != to_hex(result.head))
            return broken(
                result.entries
                    ? "prev is not the SHA-256 of the line before: that line was altered, or lines are missing"
                    : "prev of the first line is not 64 zeros: lines are missing before it");
        const std::string& event = field("event").get_ref<const std::string&>();
        if (!keep(event, text)) return broken("more entries than are kept in memory");
        ++result.entries;
        result.head = sha256(std::as_bytes(std::span(text.data(), text.size())));
        result.good_size += text.size() + 1;
        return true;
    }

    bool broken(std::string why) {
        result.broken_at = result.entries + 1;
        result.why = std::move(why);
        return false;
    }

    void torn(std::string why) {
        result.torn = true;
        if (result.why.empty()) result.why = std::move(why);
    }

    LogCheck result;
    bool syntax = false; // broken_at says that the line is no JSON

private:
    bool bad_syntax(std::string why) {
        syntax = true;
        return broken(std::move(why));
    }

    bool keep(const std::string& event, std::string_view text) {
        const auto wanted = [&](const std::string& name) { return name == "*" || name == event; };
        if (std::none_of(events_.begin(), events_.end(), wanted)) return true;
        kept_ += text.size() + sizeof(LogLine);
        if (kept_ > most_kept) return false;
        result.lines.push_back({result.entries + 1, event, std::string(text)});
        return true;
    }

    const std::vector<std::string>& events_;
    size_t kept_ = 0;
};

const Json* field_of(const LogLine& line, std::string_view field, Json& entry) {
    if (!parse_json(line.json, limits, entry).empty() || !entry.is_object()) return nullptr;
    const auto found = entry.find(std::string(field));
    return found == entry.end() ? nullptr : &*found;
}

} // namespace

LogCheck check_log(const std::filesystem::path& path, const std::vector<std::string>& events) {
    const FileDescriptor fd = open_to_read(path, ExitCode::never_valid);
    Check check(events);
    check.result.size = regular_size(fd.get(), path, ExitCode::never_valid);

    const auto memory = std::make_unique_for_overwrite<char[]>(longest_line + 1);
    const std::span buffer(memory.get(), longest_line + 1);
    size_t have = 0; // bytes at the front of the buffer that are no whole line yet
    for (uint64_t offset = 0;;) {
        const size_t got =
            read_upto(fd.get(), path, std::as_writable_bytes(buffer).subspan(have), offset, ExitCode::never_valid);
        offset += got;
        const size_t end = have + got;
        size_t at = 0;
        while (const void* newline = std::memchr(buffer.data() + at, '\n', end - at)) {
            const size_t next = static_cast<size_t>(static_cast<const char*>(newline) - buffer.data()) + 1;
            if (!check.line({buffer.data() + at, next - 1 - at})) {
                // A power loss can leave a last line of the right length with the wrong content.
                const bool last = check.result.good_size + (next - at) == check.result.size;
                if (last && check.syntax) check.torn({});
                return std::move(check.result);
            }
            at = next;
        }
        have = end - at;
        if (have == buffer.size()) {
            check.broken("longer than 1 MiB");
            return std::move(check.result);
        }
        std::memmove(buffer.data(), buffer.data() + at, have);
        if (got == 0) break;
    }
    if (have) check.torn("the last line has no newline: it was cut short");
    return std::move(check.result);
}

std::optional<std::string> log_string(const LogLine& line, std::string_view field) {
    Json entry;
    const Json* value = field_of(line, field, entry);
    if (!value || !value->is_string()) return {};
    return value->get<std::string>();
}

std::optional<uint64_t> log_uint(const LogLine& line, std::string_view field) {
    Json entry;
    const Json* value = field_of(line, field, entry);
    if (!value || !value->is_number_unsigned()) return {};
    return value->get<uint64_t>();
}

std::vector<std::string> log_strings(const LogLine& line, std::string_view field) {
    Json entry;
    const Json* value = field_of(line, field, entry);
    if (!value || !value->is_array()) return {};
    std::vector<std::string> out;
    for (const Json& item : *value) {
        if (!item.is_string()) return {};
        out.push_back(item.get<std::string>());
    }
    return out;
}

} // namespace kanshiki
