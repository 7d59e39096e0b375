// bodyfile, version 3 of the Sleuth Kit's format, for mactime:
// MD5|name|inode|mode_as_string|UID|GID|size|atime|mtime|ctime|crtime

#include "analyze/report/file_mode.h"
#include "kanshiki/escape.h"
#include "kanshiki/triage.h"

#include <algorithm>
#include <ostream>

namespace kanshiki {
namespace {

// The field's separator and all that could begin a new line become \xNN.
std::string field(std::string_view bytes) {
    std::string text = to_utf8_lossless(bytes);
    const auto harmful = [](char byte) {
        return byte == '|' || static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f;
    };
    if (std::ranges::none_of(text, harmful)) return text;
    std::string safe;
    for (const char byte : text) {
        static constexpr char digits[] = "0123456789abcdef";
        if (!harmful(byte))
            safe += byte;
        else
            safe.append({'\\', 'x', digits[static_cast<unsigned char>(byte) >> 4], digits[byte & 15]});
    }
    return safe;
}

std::string seconds(const std::optional<Timestamp>& time) { return std::to_string(time ? time->seconds : 0); }

} // namespace

void write_bodyfile(const TriageResult& result, std::ostream& out) {
    const bool prefixed = result.table.scheme != "none";
    for (const ListedFile& file : result.listing) {
        const FileInfo& info = file.info;
        std::string line = "0|";
        if (prefixed) line += "/p" + std::to_string(file.volume);
        line += field(file.path);
        if (!info.symlink_target.empty()) line += " -> " + field(info.symlink_target);
        if (file.deleted) line += info.allocated ? " (deleted-realloc)" : " (deleted)";
        line += '|' + std::to_string(info.inode) + '|';
        line += type_letter(file.name_type);
        line += '/';
        line += type_letter(info.type);
        line += mode_string(info.mode) + '|' + std::to_string(info.uid) + '|' + std::to_string(info.gid) + '|' +
                std::to_string(info.size) + '|' + seconds(info.accessed) + '|' + seconds(info.modified) + '|' +
                seconds(info.changed) + '|' + seconds(info.created) + '\n';
        out.write(line.data(), static_cast<std::streamsize>(line.size()));
    }
}

} // namespace kanshiki
