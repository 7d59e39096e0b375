#include "kanshiki/escape.h"

#include <algorithm>
#include <cstdint>

namespace kanshiki {
namespace {

struct Decoded {
    uint32_t point = 0;
    size_t size = 0; // 0: no valid UTF-8 starts here
};

// RFC 3629: shortest forms only, no surrogates, nothing beyond U+10FFFF.
Decoded decode(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(0);
    if (first < 0x80) return {first, 1};
    const size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < size) return {};
    uint32_t point = first & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return {};
        point = point << 6 | (byte(i) & 0x3F);
    }
    constexpr uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < smallest[size] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return {};
    return {point, size};
}

// Characters that move the cursor, change what stands around them, or cannot be seen.
bool deceives(uint32_t point) {
    struct Span {
        uint32_t first, last;
    };
    static constexpr Span spans[] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},     {0x61C, 0x61C},   {0x180E, 0x180E},
                                     {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB},
                                     {0xE0000, 0xE007F}};
    return std::ranges::any_of(spans, [point](const Span& span) { return point >= span.first && point <= span.last; });
}

void append_hex(std::string& out, std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    }
}

template<class Keep> std::string escape(std::string_view bytes, Keep keep) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        const Decoded at = decode(bytes);
        const size_t size = std::max<size_t>(at.size, 1);
        if (at.size == 0 || !keep(at.point)) append_hex(out, bytes.substr(0, size));
        else if (at.point == '\\') out += "\\\\";
        else out += bytes.substr(0, size);
        bytes.remove_prefix(size);
    }
    return out;
}

} // namespace

std::string escape_terminal(std::string_view bytes) {
    return escape(bytes, [](uint32_t point) { return !deceives(point); });
}

std::string to_utf8_lossless(std::string_view bytes) {
    return escape(bytes, [](uint32_t) { return true; });
}

std::string escape_html(std::string_view bytes) {
    std::string out;
    for (const char c : escape_terminal(bytes)) switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        case '\'': out += "&#39;"; break;
        default: out += c;
        }
    return out;
}

} // namespace kanshiki
