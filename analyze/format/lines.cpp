#include "analyze/format/lines.h"

#include <charconv>

namespace kanshiki::format {

void LineSplitter::give(std::string_view text, bool cut) {
    if (!cut && !text.empty() && text.back() == '\r') text.remove_suffix(1);
    line_(Line{text, offset_, ++number_, cut});
}

void LineSplitter::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const size_t newline = bytes.find('\n');
        const bool ends = newline != std::string_view::npos;
        const std::string_view part = bytes.substr(0, newline);
        if (ends && pending_.empty() && !cut_ && part.size() <= limit_) {
            give(part, false); // the common case, without a copy
        } else {
            const size_t room = limit_ - pending_.size();
            pending_.append(part.substr(0, room));
            cut_ = cut_ || part.size() > room;
            if (ends) {
                give(pending_, cut_);
                pending_.clear();
                cut_ = false;
            }
        }
        const size_t used = ends ? newline + 1 : bytes.size();
        seen_ += used;
        if (ends) offset_ = seen_;
        bytes.remove_prefix(used);
    }
}

void LineSplitter::finish() {
    if (seen_ > offset_) give(pending_, cut_);
    pending_.clear();
    cut_ = false;
    offset_ = seen_;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
}

std::vector<std::string_view> split(std::string_view text, char separator, size_t most) {
    std::vector<std::string_view> parts;
    while (parts.size() + 1 < most) {
        const size_t at = text.find(separator);
        if (at == std::string_view::npos) break;
        parts.push_back(text.substr(0, at));
        text.remove_prefix(at + 1);
    }
    parts.push_back(text);
    return parts;
}

std::string_view take_word(std::string_view& text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    size_t size = 0;
    while (size < text.size() && !is_blank(text[size])) ++size;
    const std::string_view word = text.substr(0, size);
    text.remove_prefix(size);
    return word;
}

std::vector<std::string_view> words(std::string_view text, size_t most) {
    std::vector<std::string_view> found;
    while (found.size() < most) {
        const std::string_view word = take_word(text);
        if (word.empty()) break;
        found.push_back(word);
    }
    return found;
}

std::optional<uint64_t> decimal(std::string_view text) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

} // namespace kanshiki::format
