#include "acquire/source/ssh/probe.h"

#include "kanshiki/error.h"

#include <algorithm>
#include <charconv>

namespace kanshiki::ssh {

namespace {

constexpr size_t longest_value = 8192; // a path of 4095 bytes fits
constexpr size_t most_users = 64, most_folders = 8;

class Parser {
public:
    explicit Parser(std::string_view host) : host_(host) {}

    // One line between the marks.
    void line(std::string_view text) {
        const size_t equals = text.find('=');
        if (equals == text.npos) refuse("a line that is no answer", text);
        const std::string_view key = text.substr(0, equals);
        const std::string value = cleaned(text.substr(equals + 1));
        if (value.size() > longest_value) refuse("a value that is too long", key);
        if (key == "has") return tool(value);
        if (key == "memory") {
            if (probe_.memory_folders.size() < most_folders && value.starts_with("/"))
                probe_.memory_folders.push_back(value);
            return;
        }
        if (key == "used") {
            if (probe_.used.size() < most_users) probe_.used.push_back(value);
            return;
        }
        if (std::find(seen_.begin(), seen_.end(), key) != seen_.end()) refuse("an answer given twice", key);
        seen_.emplace_back(key);
        if (!value.empty()) answer(key, value);
    }

    Probe finish() {
        probe_.dd_gnu = probe_.dd_version.find("coreutils") != std::string::npos;
        return probe_;
    }

    [[noreturn]] void refuse(const std::string& what, std::string_view detail) const {
        throw Error{ExitCode::refused, std::string(host_) + ": the far side's answer to our probe holds " + what +
                                           ": " + cleaned(detail.substr(0, 100))};
    }

private:
    static std::string cleaned(std::string_view text) {
        while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
            text.remove_suffix(1);
        while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
        std::string out(text);
        std::replace_if(
            out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
        return out;
    }

    void tool(const std::string& name) {
        if (name == "dd")
            probe_.dd = true;
        else if (name == "zstd")
            probe_.zstd = true;
        else if (name == "lz4")
            probe_.lz4 = true;
        else if (name == "gzip")
            probe_.gzip = true;
        else
            refuse("an unknown tool", name);
    }

    void answer(std::string_view key, const std::string& value) {
        if (key == "type")
            probe_.type = type(value);
        else if (key == "readable")
            probe_.readable = number(key, value, 1) == 1;
        else if (key == "path")
            probe_.real_path = value;
        else if (key == "size")
            probe_.size = number(key, value, INT64_MAX);
        else if (key == "logical")
            probe_.logical_sector = sector(key, value);
        else if (key == "physical")
            probe_.physical_sector = sector(key, value);
        else if (key == "machine")
            probe_.machine = value;
        else if (key == "numbers")
            probe_.numbers = value;
        else if (key == "model")
            probe_.model = value;
        else if (key == "serial")
            probe_.serial = value;
        else if (key == "hostname")
            probe_.hostname = value;
        else if (key == "kernel")
            probe_.kernel = value;
        else if (key == "machine_id")
            probe_.machine_id = value;
        else if (key == "user")
            probe_.user = value;
        else if (key == "clock")
            probe_.clock = clock(value);
        else if (key == "cores")
            probe_.cores = static_cast<unsigned>(std::clamp<uint64_t>(number(key, value, 1'000'000), 1, 4096));
        else if (key == "dd_version")
            probe_.dd_version = value;
        else if (key == "zstd_fast")
            probe_.zstd_fast = number(key, value, 1) == 1;
        else if (key == "dd_bytes")
            probe_.dd_bytes = number(key, value, 1) == 1;
        else
            refuse("an unknown key", key);
    }

    PathType type(const std::string& value) const {
        if (value == "none") return PathType::none;
        if (value == "block") return PathType::block;
        if (value == "file") return PathType::file;
        if (value == "directory") return PathType::directory;
        if (value == "other") return PathType::other;
        refuse("an unknown type", value);
    }

    uint64_t number(std::string_view key, const std::string& value, uint64_t most) const {
        uint64_t out = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
        if (error != std::errc{} || end != value.data() + value.size() || out > most)
            refuse("a number out of bounds", std::string(key) + "=" + value);
        return out;
    }

    uint32_t sector(std::string_view key, const std::string& value) const {
        const uint64_t out = number(key, value, 1024 * 1024);
        if (out < 512 || (out & (out - 1)) != 0) refuse("a sector size that is none", value);
        return static_cast<uint32_t>(out);
    }

    // date without %N prints rubbish for it: then the whole seconds are what we know.
    static std::string clock(const std::string& value) {
        const size_t dot = value.find('.');
        const std::string seconds = value.substr(0, dot);
        std::string fraction = dot == value.npos ? "" : value.substr(dot + 1);
        const auto digits = [](const std::string& text) {
            return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
        };
        if (!digits(seconds) || seconds.size() > 12) return {};
        if (!digits(fraction) || fraction.size() > 9) fraction.clear();
        return fraction.empty() ? seconds : seconds + "." + fraction;
    }

    std::string_view host_;
    Probe probe_;
    std::vector<std::string> seen_;
};

} // namespace

Probe parse_probe(std::string_view output, std::string_view host) {
    Parser parser(host);
    bool begun = false;
    std::string_view first;
    while (!output.empty()) {
        const size_t newline = output.find('\n');
        std::string_view line = output.substr(0, newline);
        output.remove_prefix(newline == output.npos ? output.size() : newline + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (first.empty()) first = line;
        if (!begun)
            begun = line == "kanshiki-probe=1"; // a login may greet before
        else if (line == "end=1")
            return parser.finish();
        else
            parser.line(line);
    }
    if (begun) parser.refuse("no end", "it was cut short");
    parser.refuse("no beginning; is there a POSIX shell? It said", first);
}

} // namespace kanshiki::ssh
