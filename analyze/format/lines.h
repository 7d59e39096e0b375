#pragma once
// Text from outside as lines that know their place. No line is lost: the last one needs no newline, NULs and invalid
// UTF-8 stay as they are, a CR before the newline is taken off.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kanshiki::format {

struct Line {
    std::string_view text; // without its line end
    uint64_t offset = 0;   // of its first byte in the file
    uint64_t number = 0;   // from 1
    bool cut = false;      // longer than the splitter's limit: text is its beginning
};

// Where a record stands, and what stands there.
struct Spot {
    static constexpr size_t excerpt_limit = 512;
    uint64_t offset = 0, line = 0;
    std::string text;

    Spot() = default;
    explicit Spot(const Line& at) : offset(at.offset), line(at.number), text(at.text.substr(0, excerpt_limit)) {}
};

// Lines that no record could be made of. Bounded: a hostile file may hold millions.
struct Unparsed {
    static constexpr size_t kept = 32;
    struct Place {
        uint64_t offset, line;
        std::string why;
    };
    std::vector<Place> first;
    uint64_t count = 0;

    void add(const Line& at, std::string_view why) {
        if (count++ < kept) first.push_back({at.offset, at.number, std::string(why)});
    }
};

template<class T>
struct Parsed {
    std::vector<T> entries;
    Unparsed unparsed;
};

// Splits a stream of any length in bounded memory: of a line longer than `limit` the beginning is given, marked cut.
class LineSplitter {
public:
    LineSplitter(size_t limit, std::function<void(const Line&)> line) : limit_(limit), line_(std::move(line)) {}
    void feed(std::string_view bytes);
    void finish(); // gives the last line when it has no newline

private:
    void give(std::string_view text, bool cut);

    size_t limit_;
    std::function<void(const Line&)> line_;
    std::string pending_; // of a line whose end has not come
    bool cut_ = false;
    uint64_t offset_ = 0; // of the pending line
    uint64_t seen_ = 0;   // bytes fed
    uint64_t number_ = 0;
};

template<class F>
void for_each_line(std::string_view text, F&& each) {
    uint64_t number = 0;
    for (size_t offset = 0; offset < text.size();) {
        const size_t newline = text.find('\n', offset);
        const size_t end = newline == std::string_view::npos ? text.size() : newline;
        std::string_view line = text.substr(offset, end - offset);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        each(Line{line, offset, ++number});
        offset = end + 1;
    }
}

// ASCII only: what the formats mean, whatever the locale.
inline bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v'; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
std::string_view trim(std::string_view text);
std::string lower(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator, size_t most); // at most `most` parts
std::vector<std::string_view> words(std::string_view text, size_t most);                 // by blanks
// Takes the first blank-separated word off the front of `text`.
std::string_view take_word(std::string_view& text);
// Decimal digits only, nothing else, no overflow.
std::optional<uint64_t> decimal(std::string_view text);

} // namespace kanshiki::format
