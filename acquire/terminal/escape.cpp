#include "kanshiki/escape.h"

#include <algorithm>
#include <cstdint>

namespace kanshiki {
namespace {

struct Decoded {
    uint32_t code = 0;
    size_t size = 0; // bytes; 0: the first byte begins no valid sequence
};

// RFC 3629 section 4: the table of well-formed byte sequences.
Decoded decode(std::string_view bytes, size_t at) {
    const auto byte = [&](size_t index) { return static_cast<uint8_t>(bytes[index]); };
    const uint8_t lead = byte(at);
    if (lead < 0x80) return {lead, 1};
    const size_t size = lead >= 0xc2 && lead <= 0xdf   ? 2
                        : lead >= 0xe0 && lead <= 0xef ? 3
                        : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                       : 0;
    if (size == 0 || bytes.size() - at < size) return {};
    uint32_t code = lead & (0x7fu >> size);
    for (size_t index = 1; index < size; index++) {
        if ((byte(at + index) & 0xc0) != 0x80) return {};
        code = code << 6 | (byte(at + index) & 0x3f);
    }
    const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    if (overlong || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return {};
    return {code, size};
}

// What steers a terminal, breaks the line, reorders the text (UAX #9) or cannot be seen.
bool unsafe(uint32_t code) {
    static constexpr struct {
        uint32_t first, last;
    } ranges[] = {{0x00, 0x1f},     {0x7f, 0x9f},      {0xad, 0xad},     {0x34f, 0x34f},   {0x61c, 0x61c},
                  {0x115f, 0x1160}, {0x17b4, 0x17b5},  {0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202e},
                  {0x2060, 0x206f}, {0x3164, 0x3164},  {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0},
                  {0xfff0, 0xfffb}, {0xe0000, 0xe0fff}};
    if (code >= 0x20 && code < 0x7f) return false;
    return std::ranges::any_of(ranges, [code](auto range) { return code >= range.first && code <= range.last; });
}

void append_hex(std::string& out, std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    for (const char byte : bytes) {
        out += "\\x";
        out += digits[static_cast<uint8_t>(byte) >> 4];
        out += digits[static_cast<uint8_t>(byte) & 15];
    }
}

void append_utf16(std::string& out, uint32_t unit) {
    static constexpr char digits[] = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += digits[unit >> shift & 15];
}

// Calls valid(code, bytes of it) and invalid(one byte) along the text.
template<class Valid, class Invalid>
void each(std::string_view bytes, const Valid& valid, const Invalid& invalid) {
    for (size_t at = 0; at < bytes.size();) {
        const Decoded next = decode(bytes, at);
        const size_t size = std::max<size_t>(next.size, 1);
        if (next.size == 0)
            invalid(bytes.substr(at, 1));
        else
            valid(next.code, bytes.substr(at, size));
        at += size;
    }
}

} // namespace

std::string escape_terminal(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    const auto hex = [&](std::string_view part) { append_hex(out, part); };
    each(
        bytes, [&](uint32_t code, std::string_view part) { unsafe(code) ? hex(part) : void(out += part); }, hex);
    return out;
}

std::string escape_html(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size() + bytes.size() / 8);
    for (const char byte : escape_terminal(bytes)) {
        switch (byte) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        case '\'':
            out += "&#39;";
            break;
        default:
            out += byte;
        }
    }
    return out;
}

std::string to_utf8_lossless(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    each(
        bytes, [&](uint32_t code, std::string_view part) { out += code == '\\' ? std::string_view("\\\\") : part; },
        [&](std::string_view part) { append_hex(out, part); });
    return out;
}

std::optional<std::string> from_utf8_lossless(std::string_view text) {
    const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
    std::string out;
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '\\') {
            out += text[at];
        } else if (text.substr(at, 2) == "\\\\") {
            out += text[++at];
        } else {
            if (text.size() - at < 4 || text[at + 1] != 'x' || digit(text[at + 2]) < 0 || digit(text[at + 3]) < 0)
                return {};
            out += static_cast<char>(digit(text[at + 2]) * 16 + digit(text[at + 3]));
            at += 3;
        }
    }
    if (to_utf8_lossless(out) != text) return {};
    return out;
}

std::string escape_json(std::string_view bytes) {
    if (is_plain(bytes)) return std::string(bytes);
    std::string out;
    out.reserve(bytes.size());
    const auto valid = [&](uint32_t code, std::string_view part) {
        if (code == '\\')
            out += "\\\\\\\\"; // doubled by to_utf8_lossless, and each of the two by JSON
        else if (code == '"')
            out += "\\\"";
        else if (!unsafe(code))
            out += part;
        else if (code < 0x10000)
            append_utf16(out, code);
        else {
            append_utf16(out, 0xd800 + ((code - 0x10000) >> 10));
            append_utf16(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
        }
    };
    const auto invalid = [&](std::string_view part) {
        out += '\\'; // JSON's escape of the backslash of \xNN
        append_hex(out, part);
    };
    each(bytes, valid, invalid);
    return out;
}

bool is_plain(std::string_view bytes) {
    bool odd = false; // without a branch, so that many bytes are looked at in one step
    for (const char each : bytes) {
        const auto byte = static_cast<signed char>(each); // negative: no ASCII
        odd |= byte < 0x20 || byte == 0x7f || byte == '\\' || byte == '"';
    }
    return !odd;
}

bool is_utf8(std::string_view bytes) {
    for (size_t at = 0; at < bytes.size();) {
        const Decoded next = decode(bytes, at);
        if (next.size == 0) return false;
        at += next.size;
    }
    return true;
}

} // namespace kanshiki
