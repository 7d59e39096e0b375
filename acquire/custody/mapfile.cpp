#include "kanshiki/mapfile.h"

#include "kanshiki/error.h"
#include "kanshiki/escape.h"

#include <charconv>
#include <limits>

namespace kanshiki {
namespace {

// Offsets of a mapfile are ddrescue's own long long.
constexpr uint64_t largest_offset = std::numeric_limits<int64_t>::max();
constexpr std::string_view row_statuses = "?*/-+", pass_statuses = "?*/-FG+";

std::string hex(uint64_t value) {
    char digits[16] = {};
    const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
    std::string out = "0x";
    for (const char* at = digits; at != end; ++at) out += *at >= 'a' ? static_cast<char>(*at - 'a' + 'A') : *at;
    return out;
}

void add_row(std::string& out, uint64_t offset, uint64_t end, char status) {
    if (end > offset) out += hex(offset) + "  " + hex(end - offset) + "  " + status + "\n";
}

// The words of one line, its comment cut off.
struct Line {
    std::vector<std::string_view> words;

    explicit Line(std::string_view text) {
        text = text.substr(0, text.find('#'));
        for (size_t at = 0; words.size() < 5;) {
            at = text.find_first_not_of(" \t\r", at);
            if (at == text.npos) break;
            const size_t end = std::min(text.find_first_of(" \t\r", at), text.size());
            words.push_back(text.substr(at, end - at));
            at = end;
        }
    }
};

// As ddrescue reads it: 0x.. is hexadecimal, 0.. octal, else decimal.
std::optional<uint64_t> number(std::string_view word) {
    int base = 10;
    if (word.starts_with("0x") || word.starts_with("0X"))
        base = 16, word.remove_prefix(2);
    else if (word.size() > 1 && word[0] == '0')
        base = 8, word.remove_prefix(1);
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
    if (error != std::errc{} || end != word.data() + word.size() || value > largest_offset) return {};
    return value;
}

bool is_status(std::string_view word, std::string_view known) {
    return word.size() == 1 && known.find(word[0]) != known.npos;
}

class Parser {
public:
    Parser(std::string_view text, std::string_view name) : text_(text), name_(name) {}

    std::vector<MapRow> parse() {
        bool have_status = false;
        for (size_t at = 0; at < text_.size();) {
            const size_t end = std::min(text_.find('\n', at), text_.size());
            const std::string_view text = text_.substr(at, end - at);
            at = end + 1;
            ++line_;
            if (text.find('\0') != text.npos) fail("holds a NUL byte");
            const Line line(text);
            if (line.words.empty()) continue;
            if (have_status)
                row(line);
            else
                status(line);
            have_status = true;
        }
        if (!have_status) fail("no status line: not a mapfile, or cut short");
        if (rows_.empty()) fail("no rows: cut short");
        return std::move(rows_);
    }

private:
    [[noreturn]] void fail(const std::string& why) const {
        throw Error(ExitCode::never_valid, std::string(name_) + ", line " + std::to_string(line_) + ": " + why);
    }

    // current_pos current_status [current_pass]
    void status(const Line& line) const {
        if (line.words.size() < 2 || line.words.size() > 3 || !number(line.words[0]) ||
            !is_status(line.words[1], pass_statuses) || (line.words.size() == 3 && !number(line.words[2])))
            fail("not the status line of a ddrescue mapfile");
    }

    // pos size status
    void row(const Line& line) {
        if (line.words.size() != 3) fail("a row has three fields: position, size, status");
        const auto offset = number(line.words[0]), size = number(line.words[1]);
        if (!offset || !size) fail("not a number, or larger than a file can be");
        if (!is_status(line.words[2], row_statuses)) fail("unknown status");
        const uint64_t expected = rows_.empty() ? 0 : rows_.back().range.end();
        if (*offset < expected) fail("row overlaps the one before it");
        if (*offset > expected) fail("gap before this row");
        if (*size > largest_offset - *offset) fail("row ends beyond what a file can hold");
        // Only an empty source has an empty row, its only one.
        if (!rows_.empty() && (*size == 0 || rows_.back().range.size == 0)) fail("empty row");
        rows_.push_back({{*offset, *size}, line.words[2][0]});
    }

    std::string_view text_, name_;
    size_t line_ = 0;
    std::vector<MapRow> rows_;
};

} // namespace

std::string render_mapfile(uint64_t size, uint64_t tried, std::span<const Bad> bad, std::string_view comment) {
    std::string out = "# Mapfile. GNU ddrescue's format.\n";
    for (size_t at = 0; at < comment.size();) {
        const size_t end = std::min(comment.find('\n', at), comment.size());
        out += "# ";
        out += escape_terminal(comment.substr(at, end - at));
        out += '\n';
        at = end + 1;
    }
    tried = std::min(tried, size);
    out += "# current_pos  current_status  current_pass\n" + hex(tried) + "     " + (tried < size ? '?' : '+') +
           "     1\n";
    out += "#      pos        size  status\n";
    if (size == 0) return out + "0x0  0x0  +\n";
    uint64_t at = 0;
    for (size_t i = 0; i < bad.size();) {
        const uint64_t offset = bad[i].range.offset;
        uint64_t end = bad[i].range.end();
        while (++i < bad.size() && bad[i].range.offset <= end) end = std::max(end, bad[i].range.end());
        add_row(out, at, offset, '+');
        add_row(out, offset, end, '-');
        at = end;
    }
    add_row(out, at, tried, '+');
    add_row(out, std::max(at, tried), size, '?');
    return out;
}

std::vector<MapRow> parse_mapfile(std::string_view text, std::string_view name) { return Parser(text, name).parse(); }

} // namespace kanshiki
