#include "analyze/report/bodyfile.h"

#include "analyze/report/file_mode.h"
#include "kanshiki/escape.h"

#include <algorithm>
#include <charconv>
#include <ostream>

namespace kanshiki {
namespace {

constexpr size_t enough = 256 * 1024; // bytes, to be written at once

// The field's separator and all that could begin a new line or steer a terminal become \xNN.
bool harmful(char byte) { return byte == '|' || static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f; }

void append_field(std::string& out, std::string_view bytes) {
    const auto plain = [](char byte) { return byte >= 0x20 && byte < 0x7f && byte != '|' && byte != '\\'; };
    if (std::ranges::all_of(bytes, plain)) { // nearly all of a million lines
        out += bytes;
        return;
    }
    for (const char byte : to_utf8_lossless(bytes)) {
        static constexpr char digits[] = "0123456789abcdef";
        if (!harmful(byte))
            out += byte;
        else
            out.append({'\\', 'x', digits[static_cast<unsigned char>(byte) >> 4], digits[byte & 15]});
    }
}

void append_number(std::string& out, std::integral auto value) {
    char digits[24];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_seconds(std::string& out, const std::optional<Timestamp>& time) {
    out += '|';
    append_number(out, time ? time->seconds : 0);
}

} // namespace

void append_bodyfile_line(std::string& out, std::string_view prefix, const ListedFile& file) {
    const FileInfo& info = file.info;
    out.append("0|").append(prefix);
    append_field(out, file.path);
    if (!info.symlink_target.empty()) append_field(out += " -> ", info.symlink_target);
    if (file.deleted) out += info.allocated ? " (deleted-realloc)" : " (deleted)";
    append_number(out += '|', info.inode);
    out += '|';
    out += type_letter(file.name_type);
    out += '/';
    out += type_letter(info.type);
    out += mode_string(info.mode);
    append_number(out += '|', info.uid);
    append_number(out += '|', info.gid);
    append_number(out += '|', info.size);
    append_seconds(out, info.accessed);
    append_seconds(out, info.modified);
    append_seconds(out, info.changed);
    append_seconds(out, info.created);
    out += '\n';
}

void write_bodyfile(const TriageResult& result, std::ostream& out) {
    const bool prefixed = result.table.scheme != "none" || result.table.volumes.size() > 1;
    std::string text;
    for (const ListedFile& file : result.listing) {
        append_bodyfile_line(text, prefixed ? "/p" + std::to_string(file.volume) : "", file);
        if (text.size() < enough) continue;
        out.write(text.data(), static_cast<std::streamsize>(text.size()));
        text.clear();
    }
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
}

} // namespace kanshiki
