#include "analyze/extract/safe_name.h"

#include "kanshiki/digest.h"
#include "kanshiki/escape.h"

#include <algorithm>
#include <span>
#include <utility>

namespace kanshiki {
namespace {

constexpr size_t longest = 200, kept_of_long = 120; // 120 + 2 + 64 digits

void append_percent(std::string& out, std::string_view bytes) {
    static constexpr char digits[] = "0123456789ABCDEF";
    for (const char byte : bytes) {
        out += '%';
        out += digits[static_cast<unsigned char>(byte) >> 4];
        out += digits[static_cast<unsigned char>(byte) & 15];
    }
}

// Bytes of the UTF-8 sequence that begins there; 1 for what is none.
size_t sequence_at(std::string_view bytes) {
    for (const size_t size : {2u, 3u, 4u})
        if (static_cast<unsigned char>(bytes[0]) >= 0x80 && size <= bytes.size() && is_utf8(bytes.substr(0, size)))
            return size;
    return 1;
}

bool plain(std::string_view sequence) {
    if (sequence.size() == 1 && (sequence[0] == '/' || sequence[0] == '\\' || sequence[0] == '%')) return false;
    return escape_terminal(sequence) == sequence;
}

// Cut where neither a UTF-8 sequence nor a %XX is torn.
std::string_view beginning(std::string_view text) {
    size_t end = kept_of_long;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) end--;
    for (const size_t back : {1u, 2u})
        if (end >= back && text[end - back] == '%') end -= back;
    return text.substr(0, end);
}

} // namespace

std::string safe_name(std::string_view name) {
    std::string out;
    for (size_t at = 0; at < name.size();) {
        const std::string_view sequence = name.substr(at, sequence_at(name.substr(at)));
        if (plain(sequence) && !(at == 0 && sequence == "-"))
            out += sequence;
        else
            append_percent(out, sequence);
        at += sequence.size();
    }
    if (name.empty()) return "%~empty";
    if (out == "." || out == "..") {
        const std::string dots = std::exchange(out, "");
        append_percent(out, dots);
    }
    if (out.size() <= longest) return out;
    return std::string(beginning(out)) + "%~" + to_hex(sha256(std::as_bytes(std::span(name))));
}

} // namespace kanshiki
