#include "acquire/evidence/ewf_header.h"

#include "acquire/evidence/ewf_pieces.h"

#include <ctime>

namespace kanshiki::ewf {
namespace {

constexpr size_t most_text = 1024 * 1024; // of a header, inflated

// A value must not end its cell or its row.
std::string cell(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    return text;
}

std::string ascii(std::string text) {
    std::string out;
    for (const char c : cell(std::move(text)))
        if (static_cast<unsigned char>(c) < 0x80)
            out += c;
        else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) // one for each character, not for each byte of it
            out += '?';
    return out;
}

Bytes deflate_text(const std::string& text) { return deflate(std::as_bytes(std::span(text))); }

std::string utc(int64_t seconds) {
    const std::time_t time = seconds;
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    std::string out;
    for (const int part :
         {parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec})
        out += (out.empty() ? "" : " ") + std::to_string(part);
    return out;
}

void append_utf16(std::string& out, char32_t c) {
    const auto unit = [&](char32_t value) {
        out += static_cast<char>(value & 0xFF);
        out += static_cast<char>(value >> 8 & 0xFF);
    };
    if (c >= 0x10000) {
        unit(0xD800 + ((c - 0x10000) >> 10));
        unit(0xDC00 + ((c - 0x10000) & 0x3FF));
    } else {
        unit(c);
    }
}

std::string to_utf16(std::string_view utf8) {
    std::string out;
    for (size_t i = 0; i < utf8.size();) {
        const auto lead = static_cast<unsigned char>(utf8[i]);
        const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        char32_t c = length == 1 ? lead : lead & (0xFFu >> (length + 1));
        bool good = length == 1 || (lead >= 0xC2 && lead < 0xF5);
        for (size_t k = 1; k < length && good; ++k) {
            good = i + k < utf8.size() && (static_cast<unsigned char>(utf8[i + k]) & 0xC0) == 0x80;
            if (good) c = c << 6 | (static_cast<unsigned char>(utf8[i + k]) & 0x3F);
        }
        append_utf16(out, good ? c : U'\uFFFD');
        i += good ? length : 1;
    }
    return out;
}

void append_utf8(std::string& out, char32_t c) {
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xC0 | c >> 6);
        out += static_cast<char>(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        out += static_cast<char>(0xE0 | c >> 12);
        out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (c & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | c >> 18);
        out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
        out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (c & 0x3F));
    }
}

// `text` begins with the mark FF FE.
std::string from_utf16(std::string_view text) {
    std::string out;
    const auto unit = [&](size_t at) {
        return static_cast<char32_t>(static_cast<unsigned char>(text[at]) | static_cast<unsigned char>(text[at + 1])
                                                                                << 8);
    };
    for (size_t i = 2; i + 1 < text.size(); i += 2) {
        char32_t c = unit(i);
        if (c >= 0xD800 && c < 0xDC00 && i + 3 < text.size() && unit(i + 2) >= 0xDC00 && unit(i + 2) < 0xE000) {
            c = 0x10000 + ((c - 0xD800) << 10) + (unit(i + 2) - 0xDC00);
            i += 2;
        } else if (c >= 0xD800 && c < 0xE000) {
            c = U'\uFFFD';
        }
        append_utf8(out, c);
    }
    return out;
}

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> out(1);
    for (const char c : text)
        if (c == at)
            out.emplace_back();
        else if (c != '\r')
            out.back() += c;
    return out;
}

std::string_view name_of(std::string_view key) {
    constexpr std::pair<std::string_view, std::string_view> names[] = {
        {"c", "case number"}, {"n", "evidence number"}, {"a", "description"}, {"e", "examiner"},
        {"t", "notes"},       {"md", "model"},          {"sn", "serial"},     {"av", "software"},
        {"ov", "system"},     {"m", "acquiry date"},    {"u", "system date"},
    };
    for (const auto& [short_key, name] : names)
        if (short_key == key) return name;
    return {};
}

} // namespace

Bytes render_header2(const Header& header) {
    const std::string date = std::to_string(header.acquired);
    std::string row;
    for (const std::string& value :
         {header.description, header.case_number, header.evidence_number, header.examiner, header.notes, std::string(),
          std::string(), header.software, header.system, date, date, std::string("0")})
        row += cell(value) + "\t";
    const std::string text = "3\nmain\na\tc\tn\te\tt\tmd\tsn\tav\tov\tm\tu\tp\tdc\n" + row +
                             "\n\nsrce\n0\t1\np\tn\tid\tev\ttb\tlo\tpo\tah\tgu\taq\n0\t0\n\t\t\t\t\t-1\t-1\t\t\t\n\n"
                             "sub\n0\t1\np\tn\tid\tnu\tco\tgu\n0\t0\n\t\t\t\t1\t\n\n";
    return deflate_text("\xFF\xFE" + to_utf16(text));
}

Bytes render_header(const Header& header) {
    std::string row;
    for (const std::string& value :
         {header.case_number, header.evidence_number, header.description, header.examiner, header.notes,
          header.software, header.system, utc(header.acquired), utc(header.acquired)})
        row += ascii(value) + "\t";
    return deflate_text("1\r\nmain\r\nc\tn\ta\te\tt\tav\tov\tm\tu\tp\r\n" + row + "0\r\n\r\n");
}

std::optional<Texts> parse_header(std::span<const std::byte> deflated) {
    const std::optional<Bytes> bytes = inflate(deflated, most_text);
    if (!bytes) return {};
    std::string text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    if (text.starts_with("\xFF\xFE")) text = from_utf16(text);
    const std::vector<std::string> lines = split(text, '\n');
    Texts out;
    for (size_t i = 0; i + 2 < lines.size(); ++i) {
        if (lines[i] != "main") continue;
        const std::vector<std::string> keys = split(lines[i + 1], '\t'), values = split(lines[i + 2], '\t');
        for (size_t k = 0; k < std::min(keys.size(), values.size()); ++k)
            if (const std::string_view name = name_of(keys[k]); !name.empty() && !values[k].empty())
                out.emplace_back(name, values[k]);
        break;
    }
    return out;
}

} // namespace kanshiki::ewf
