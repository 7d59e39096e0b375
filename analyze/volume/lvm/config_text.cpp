#include "analyze/volume/lvm/config_text.h"

#include "kanshiki/error.h"

#include <algorithm>
#include <charconv>

namespace kanshiki::lvm {
namespace {

constexpr size_t most_nodes = 1'000'000; // a logical volume of one segment takes about 25
constexpr unsigned deepest = 16;         // LVM2 itself goes to 5

[[noreturn]] void wrong(const ConfigNode& node, std::string_view child, const char* what) {
    throw Error(ExitCode::never_valid, node.name + "/" + std::string(child) + what);
}

bool name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == '+' || c == '/' || c == '@' || c == '%' || c == '~';
}

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    ConfigNode whole() {
        ConfigNode top;
        top.is_section = true;
        read_children(top, 0);
        if (at_ < text_.size()) fail("a bracket that closes nothing");
        return top;
    }

private:
    [[noreturn]] void fail(const std::string& what) const {
        throw Error(ExitCode::never_valid, what + ", at byte " + std::to_string(at_) + " of the metadata's text");
    }

    void count() {
        if (++nodes_ > most_nodes) fail("more than a million values");
    }

    void skip_space() {
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '#')
                at_ = std::min(text_.find('\n', at_), text_.size());
            else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0')
                at_++;
            else
                return;
        }
    }

    char peek() {
        skip_space();
        return at_ < text_.size() ? text_[at_] : '\0';
    }

    bool accept(char c) {
        if (peek() != c || at_ >= text_.size()) return false;
        at_++;
        return true;
    }

    // Up to the closing bracket, which is left, or the end.
    void read_children(ConfigNode& section, unsigned depth) {
        if (depth > deepest) fail("sections too deep inside each other");
        while (peek() != '}' && at_ < text_.size()) {
            count();
            ConfigNode node;
            node.name = read_name();
            if (accept('{')) {
                node.is_section = true;
                read_children(node, depth + 1);
                if (!accept('}')) fail("section " + node.name + " has no end");
            } else if (accept('=')) {
                read_values(node);
            } else {
                fail("neither { nor = after " + node.name);
            }
            section.children.push_back(std::move(node));
        }
    }

    std::string read_name() {
        if (peek() == '"') return read_quoted();
        const size_t from = at_;
        while (at_ < text_.size() && name_character(text_[at_])) at_++;
        if (at_ == from) fail("no name where one must stand");
        return std::string(text_.substr(from, at_ - from));
    }

    void read_values(ConfigNode& node) {
        if (!accept('[')) return node.values.push_back(read_value());
        while (!accept(']')) {
            node.values.push_back(read_value());
            if (!accept(',') && peek() != ']') fail("an array without an end");
        }
    }

    ConfigValue read_value() {
        count();
        ConfigValue value;
        if (peek() == '"') {
            value.is_text = true;
            value.text = read_quoted();
            return value;
        }
        // A negative number or one with a fraction is of no use to us: its digits up to there are skipped over.
        const bool negative = accept('-');
        const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value.number);
        if (error != std::errc{}) fail("no value where one must stand");
        at_ = static_cast<size_t>(end - text_.data());
        while (at_ < text_.size() && name_character(text_[at_])) at_++;
        if (negative) value.number = 0;
        return value;
    }

    std::string read_quoted() {
        std::string out;
        for (at_++; at_ < text_.size(); at_++) {
            if (text_[at_] == '"') {
                at_++;
                return out;
            }
            if (text_[at_] == '\\' && at_ + 1 < text_.size()) at_++;
            out += text_[at_];
        }
        fail("a text without an end");
    }

    std::string_view text_;
    size_t at_ = 0, nodes_ = 0;
};

} // namespace

const ConfigNode* ConfigNode::find(std::string_view child) const {
    const auto found = std::ranges::find(children, child, &ConfigNode::name);
    return found == children.end() ? nullptr : &*found;
}

const ConfigNode& ConfigNode::section(std::string_view child) const {
    const ConfigNode* found = find(child);
    if (found == nullptr || !found->is_section) wrong(*this, child, " is missing");
    return *found;
}

uint64_t ConfigNode::number(std::string_view child) const {
    const ConfigNode* found = find(child);
    if (found == nullptr || found->values.size() != 1 || found->values[0].is_text)
        wrong(*this, child, " is missing or no number");
    return found->values[0].number;
}

uint64_t ConfigNode::number(std::string_view child, uint64_t otherwise) const {
    return find(child) == nullptr ? otherwise : number(child);
}

const std::string& ConfigNode::text(std::string_view child) const {
    const ConfigNode* found = find(child);
    if (found == nullptr || found->values.size() != 1 || !found->values[0].is_text)
        wrong(*this, child, " is missing or no text");
    return found->values[0].text;
}

std::string ConfigNode::text_or_empty(std::string_view child) const {
    return find(child) == nullptr ? std::string() : text(child);
}

bool ConfigNode::lists(std::string_view child, std::string_view text) const {
    const ConfigNode* found = find(child);
    return found != nullptr && std::ranges::any_of(found->values, [&](const ConfigValue& each) {
               return each.is_text && each.text == text;
           });
}

ConfigNode parse_config(std::string_view text) { return Parser(text).whole(); }

} // namespace kanshiki::lvm
